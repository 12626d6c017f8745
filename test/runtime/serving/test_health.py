# Copyright 2026 The swiftnet_ros Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Level, message and values of the diagnostics."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from swiftnet_ros.backends.engine_build import EngineFile
from swiftnet_ros.serving.health import (
    camera_health,
    CameraSnapshot,
    engine_health,
    EngineSnapshot,
    ERROR,
    OK,
    terms_summary,
    WARN,
)
from swiftnet_ros.serving.model_loader import LoadedModel
from swiftnet_ros.serving.timing import Percentiles

GOOD = CameraSnapshot(
    '/cam/image',
    rate_in=30.0,
    rate_out=12.5,
    received=90,
    published=40,
    drops={'newer': 50, 'bad': 0},
    recent_drops={'newer': 9},
    age=0.0421,
    waiting=0.03,
    stages={'engine': Percentiles(40.0, 50.5, 60.25)},
    listeners=2,
)
MODEL = LoadedModel(
    segmenter=SimpleNamespace(
        backend='openvino',
        precision='int8',
        device='Some CPU',
        spec=SimpleNamespace(
            name='warehouse',
            input_height=512,
            input_width=1024,
            miou=0.81234,
            license='CC-BY-4.0',
            terms='name the authors',
        ),
    ),
    backend_choice='',
    path='warehouse.onnx',
    file=EngineFile('/cache/warehouse.engine', is_built=True),
    sha256='ab12',
    file_bytes=12345600,
    agreement=0.99957,
)
NOT_CACHED = replace(MODEL, file=EngineFile('/dev/shm/x.engine', True, warning='the disk is full'))
RUNNING = EngineSnapshot('active', model=MODEL)


def test_a_segmented_camera_is_ok_even_if_frames_are_dropped_for_newer_ones():
    health = camera_health(GOOD)
    assert (health.level, health.message) == (OK, '12.5 of 30.0 frames per second are segmented')


def test_camera_values_are_text_with_units_in_the_key():
    values = camera_health(GOOD).values
    expected = {
        'topic': '/cam/image',
        'rate in (Hz)': '30.00',
        'rate out (Hz)': '12.50',
        'received': '90',
        'published': '40',
        'listeners': '2',
        'age (ms)': '42.1',
        'waiting (s)': '0.0',
        'QoS mismatch': 'none',
        'dropped: newer': '50',
        'dropped: bad': '0',
        'engine p50 (ms)': '40.00',
        'engine p95 (ms)': '50.50',
        'engine p99 (ms)': '60.25',
    }
    assert values == expected


@pytest.mark.parametrize(
    ('changes', 'level', 'part'),
    [
        (
            {'waiting': 12.0, 'received': 0},
            WARN,
            'no frame on /cam/image since the start, 12 s ago; start',
        ),
        ({'waiting': 12.0}, ERROR, 'no frame on /cam/image for 12 s; check the camera'),
        ({'waiting': 4.9, 'received': 0}, OK, 'are segmented'),
        ({'qos_mismatch': 'set depth'}, WARN, 'set depth'),
        ({'qos_mismatch': 'set depth', 'waiting': 9.0}, ERROR, 'set depth'),
        ({'recent_drops': {'bad': 3}}, WARN, '3 frames dropped just now: they cannot be read'),
        ({'recent_drops': {'old': 1}}, WARN, 'older than max_age; check the clocks'),
        ({'recent_drops': {'failed': 1}}, WARN, 'be segmented or published; free memory'),
        (
            {'recent_drops': {'bad': 2}, 'explanations': {'bad': 'it is 8UC3', 'old': 'no'}},
            WARN,
            '2 frames dropped just now: it is 8UC3',
        ),
        ({'waiting': 9.0, 'silence': 'it has 0 publishers'}, ERROR, 'for 9 s; it has 0 pub'),
        ({'waiting': 9.0, 'received': 0, 'silence': 'buy one'}, WARN, '9 s ago; buy one'),
        ({'no_calibration': 'it waits'}, WARN, 'it waits'),
        ({'stalled': 7.0}, WARN, 'a frame has been in process for 7 s: the engine hangs, or is'),
        ({'stalled': 4.0}, OK, 'are segmented'),
        ({'listeners': 0}, OK, 'no output has a subscriber'),
    ],
)
def test_a_camera_fault_has_its_level_and_message(changes, level, part):
    health = camera_health(replace(GOOD, **changes))
    assert health.level == level and part in health.message


def test_old_drops_are_values_without_a_warning():
    health = camera_health(replace(GOOD, drops={'bad': 7}, recent_drops={'bad': 0}))
    assert (health.level, health.values['dropped: bad']) == (OK, '7')


def test_unknown_values_are_empty():
    values = camera_health(CameraSnapshot('/image')).values
    assert (values['age (ms)'], values['waiting (s)']) == ('', '')
    values = engine_health(EngineSnapshot('unconfigured')).values
    assert set(values.values()) == {'unconfigured', ''}


def test_an_active_engine_is_ok_with_its_values():
    health = engine_health(RUNNING)
    assert (health.level, health.message) == (OK, 'warehouse.onnx runs in int8 on Some CPU')
    assert health.values == {
        'state': 'active',
        'model': 'warehouse.onnx',
        'sha256': 'ab12',
        'model size (MB)': '12.35',
        'engine': 'openvino',
        'engine file': '/cache/warehouse.engine',
        'precision': 'int8',
        'device': 'Some CPU',
        'input size': '1024x512',
        'mIoU of the model card': '0.8123',
        'self-check agreement': '0.9996',
        'license': 'CC-BY-4.0',
        'terms': 'name the authors',
    }


@pytest.mark.parametrize(
    ('license_ids', 'terms', 'line'),
    [
        ('MIT', 'keep this', 'terms of the weights of warehouse: MIT: keep this'),
        ('MIT', '', 'terms of the weights of warehouse: MIT'),
        ('', 'ask us', 'terms of the weights of warehouse: ask us'),
        ('', '', ''),
    ],
)
def test_terms_are_one_line_if_they_are_stated(license_ids, terms, line):
    spec = SimpleNamespace(name='warehouse', license=license_ids, terms=terms)
    assert terms_summary(replace(MODEL, segmenter=SimpleNamespace(spec=spec))) == line


@pytest.mark.parametrize(
    ('changes', 'level', 'part'),
    [
        ({'error': 'model not found'}, ERROR, 'model not found'),
        ({'warning': 'reload failed'}, WARN, 'reload failed'),
        ({'error': 'first', 'warning': 'second'}, ERROR, 'first'),
        ({'error': ''}, ERROR, ''),
        ({'building': 'building engine: 34 %'}, WARN, 'building engine: 34 %'),
        ({'building': 'first', 'warning': 'second'}, WARN, 'first'),
        ({'error': 'first', 'building': 'second'}, ERROR, 'first'),
        ({'model': NOT_CACHED}, WARN, 'the disk is full'),
        ({'state': 'inactive'}, WARN, 'is inactive and segments nothing; configure and activate'),
        ({'state': 'finalized'}, WARN, 'is finalized and segments nothing; start a new one'),
    ],
)
def test_an_engine_fault_has_its_level_and_message(changes, level, part):
    health = engine_health(replace(RUNNING, **changes))
    assert health.level == level and part in health.message
