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


import json
from pathlib import Path
from types import SimpleNamespace

from helpers.fake_machine import FakeMachine
from helpers.gpu_networks import blocks, expected, write_gpu_pair
import numpy as np
import pytest
from swiftnet_ros import build_engine, fastest_engine
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.model_spec import (
    Golden,
    read_golden,
    read_model,
    read_model_file,
    read_spec,
    write_model,
)
from swiftnet_ros.segmenter import open_model


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Install the fake machine and return the FP32 file of a pair."""
    FakeMachine(monkeypatch)
    return write_gpu_pair(tmp_path)


@pytest.fixture
def times(monkeypatch):
    """Set the milliseconds of explicit INT8, implicit INT8 and FP16, in the order measured."""

    def set_times(*ms):
        left = iter(ms)
        monkeypatch.setattr(fastest_engine, '_time', lambda segmenter, file: next(left))

    return set_times


def best(capsys, pair, *words, code=0):
    """Run build_engine on the pair and return its JSON, None after an error, and stderr."""
    given = [str(pair.with_name('three.onnx')), '--precision', 'best']
    given += ['--cache', str(pair.parent / 'cache'), '--json', *words]
    assert build_engine.main(given) == code
    out, error = capsys.readouterr()
    return (json.loads(out.splitlines()[-1]) if code == 0 else None), error


def opened(pair, precision='auto'):
    """Open the pair as a node does, from the cache, and return the opened model."""
    cache = str(pair.parent / 'cache')
    options = BackendOptions(engine='tensorrt', precision=precision, engine_cache=cache)
    build = SimpleNamespace(finish=lambda: None, raise_if_cancelled=lambda: None)
    return open_model_file(pair.with_name('three.onnx'), options, build)


@pytest.mark.parametrize(
    ('ms', 'kept', 'precision'),
    [
        ((3.0, 2.0, 4.0), 'int8 implicit', 'int8'),
        ((1.0, 2.0, 4.0), 'int8 explicit', 'int8'),
        ((3.0, 2.0, 1.0), 'fp16', 'fp16'),
    ],
)
def test_fastest_engine_is_kept_and_a_node_opens_it(capsys, pair, times, ms, kept, precision):
    times(*ms)
    result, error = best(capsys, pair)
    assert [item['ms'] for item in result['measured']] == list(ms)
    assert [item['title'] for item in result['measured']] == [
        'int8 explicit', 'int8 implicit', 'fp16',
    ]  # fmt: skip
    assert all(item['agreement'] > 0.97 for item in result['measured'])
    assert f'{kept}: {min(ms):.3f} ms, agreement ' in error
    assert next(line for line in error.splitlines() if line.endswith(', kept')).startswith(kept)
    assert read_sidecar(Path(result['engine'])).identity.precision == precision
    assert result.get('int8_mode', 'fp16') in kept
    model = opened(pair)
    with model.backend as backend:
        assert str(model.file.path) == result['engine']
        frame = blocks(50, 70)
        labels = backend.segment(Frame(frame), (50, 70)).labels
        assert np.mean(labels == expected(frame).labels) > 0.97


def test_an_engine_that_fails_its_self_check_is_not_kept(capsys, pair, times):
    quantized = pair.with_name('three.int8.onnx')
    golden = read_golden(quantized)
    wrong = Golden(golden.frame, (golden.labels + 1) % 5)
    write_model(read_model(quantized), quantized, read_spec(quantized), wrong)
    times(2.0, 3.0)
    result, error = best(capsys, pair)
    explicit, implicit, fp16 = result['measured']
    assert 'self-check failed' in explicit['failure'] and explicit['ms'] is None
    assert result['engine'] == implicit['engine']
    assert fp16['ms'] == 3.0
    assert 'int8 explicit: self-check failed: ' in error
    pair.unlink()
    assert 'no engine of ' in best(capsys, pair, code=1)[1]


def test_the_record_is_not_used_for_other_options_or_files(capsys, pair, times, tmp_path):
    times(3.0, 2.0, 1.0)
    result, _ = best(capsys, pair)
    fp16 = Path(result['engine'])
    explicit = result['measured'][0]['engine']
    with opened(pair, 'int8').backend as backend:
        assert backend.spec.precision == 'int8'
    write_model(read_model(pair), pair, read_spec(pair), None)
    model = opened(pair)
    with model.backend:
        assert str(model.file.path) == explicit
    write_gpu_pair(tmp_path)
    model = opened(pair)
    with model.backend:
        assert model.file.path == fp16
    fp16.write_bytes(b'damaged')
    model = opened(pair)
    with model.backend:
        assert str(model.file.path) == explicit


def test_golden_frame_is_timed(pair):
    with open_model(pair.with_name('three.int8.onnx'), 'openvino') as segmenter:
        file = read_model_file(pair)
        assert 0.0 < fastest_engine._time(segmenter, file) < 1000


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (['--calibration', 'a.calibration'], '--calibration cannot be combined with --precision'),
        (['--dla', '0'], '--dla cannot be combined with'),
        (['-o', 'a.engine'], '--output cannot be combined with'),
        (['-o', 'a.engine', '--no-cache'], '--no-cache cannot be combined with'),
    ],
)
def test_options_of_one_engine_raise(capsys, pair, words, text):
    assert text in best(capsys, pair, *words, code=1)[1]


@pytest.mark.parametrize(
    ('words', 'mode', 'line'),
    [
        ([], 'explicit', 'INT8 is explicit: by the Q/DQ pairs of the int8 file'),
        (['--calibration'], 'implicit', 'INT8 is implicit: from the fp32 file, by its calibrat'),
    ],
)
def test_int8_names_its_mode(capsys, pair, words, mode, line):
    given = [str(pair.with_name('three.onnx')), '--precision', 'int8', '--json']
    if words:
        given += [*words, str(pair.with_name('three.int8.calibration'))]
    for _ in range(2):
        assert build_engine.main([*given, '--cache', str(pair.parent / 'cache')]) == 0
        out, error = capsys.readouterr()
        assert json.loads(out.splitlines()[-1])['int8_mode'] == mode
        assert line in error
