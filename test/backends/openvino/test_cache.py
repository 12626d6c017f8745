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

"""What OpenVINO compiled is kept for the next start, in a folder that only this user can fill."""

import os
from pathlib import Path
import shutil

from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends.openvino import cache
from swiftnet_ros.backends.openvino.cache import OFF, use_cache, VARIABLE
from swiftnet_ros.backends.openvino.engine import OpenVinoEngine


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Name a cache folder, which is not there yet."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / 'cache' / 'openvino'))
    return tmp_path / 'cache' / 'openvino'


@pytest.fixture
def model(tmp_path):
    """Write a model."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


def opened(path, precision='fp32'):
    """Open a model; tell whether it came from the cache, what it is, and its logits."""
    with OpenVinoEngine(path, precision, 1) as engine:
        compiled = engine._request.get_compiled_model()
        shape = (1, engine.spec.input_height, engine.spec.input_width, 3)
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        facts = (engine.precision, engine.threads)
        return compiled.get_property('LOADED_FROM_CACHE'), facts, engine.infer(image).copy()


def entries(root: Path):
    """List what is kept of all models."""
    return sorted(root.glob('*/*.blob'))


def test_a_second_start_takes_the_same_network_from_the_cache(root, model):
    first, facts, logits = opened(model)
    again, same_facts, same = opened(model)
    assert (first, again) == (False, True)
    assert facts == same_facts
    np.testing.assert_array_equal(logits, same)
    assert len(entries(root)) == 1


def test_nobody_else_can_read_or_write_the_folders(root, model):
    opened(model)
    folders = [root, *root.iterdir()]
    assert len(folders) == 2
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


@pytest.mark.parametrize('value', [None, '', OFF])
def test_without_a_folder_nothing_is_kept(root, model, monkeypatch, value):
    if value is None:
        monkeypatch.delenv(VARIABLE)
    else:
        monkeypatch.setenv(VARIABLE, value)
    monkeypatch.chdir(model.parent)
    assert [opened(model)[0] for _ in range(2)] == [False, False]
    assert [path.name for path in model.parent.iterdir()] == ['tiny.onnx']


@pytest.mark.parametrize('damage', ['truncate', 'flip', 'unsealed', 'empty seal', 'text'])
def test_a_damaged_entry_is_compiled_again(root, model, damage):
    logits = opened(model)[2]
    (entry,) = entries(root)
    seal = entry.with_suffix('.sha256')
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 255
    os.chmod(entry, 0o600)
    {
        'truncate': lambda: os.truncate(entry, len(content) // 2),
        'flip': lambda: entry.write_bytes(content),
        'unsealed': seal.unlink,
        'empty seal': lambda: seal.write_text(''),
        'text': lambda: entry.write_text('no network'),
    }[damage]()
    found, _, same = opened(model)
    assert not found
    np.testing.assert_array_equal(logits, same)
    assert opened(model)[0]


def test_another_network_of_the_same_name_size_and_time_is_another_entry(root, model, tmp_path):
    logits = opened(model)[2]
    time = model.stat()
    write_tiny_model(model, COLORS[::-1])
    os.utime(model, ns=(time.st_atime_ns, time.st_mtime_ns))
    found, _, other = opened(model)
    assert not found
    assert np.abs(other - logits).max() > 0.01
    assert len(list(root.iterdir())) == 2


def test_other_options_are_another_entry(root, model):
    opened(model)
    with OpenVinoEngine(model, 'fp32', 2) as engine:
        assert engine.threads == 2 or os.cpu_count() == 1
    assert opened(model)[1] == ('fp32', 1)


@pytest.mark.parametrize('mode', [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(root, model, mode):
    root.mkdir(parents=True)
    root.chmod(mode)
    assert [opened(model)[0] for _ in range(2)] == [False, False]
    assert not entries(root)


def test_a_folder_that_cannot_be_made_is_not_used(root, model):
    root.parent.write_text('a file')
    assert [opened(model)[0] for _ in range(2)] == [False, False]


def test_a_link_in_place_of_the_models_folder_is_not_used(root, model, tmp_path):
    opened(model)
    (folder,) = root.iterdir()
    shutil.move(folder, tmp_path / 'elsewhere')
    folder.symlink_to(tmp_path / 'elsewhere')
    assert not opened(model)[0]


def test_only_the_models_used_last_are_kept(root, model, monkeypatch):
    monkeypatch.setattr(cache, '_MODELS', 2)
    opened(model)
    (first,) = root.iterdir()
    for seed in (1, 2):
        os.utime(first, (seed, seed))
        write_tiny_model(model, COLORS[seed:] + COLORS[:seed])
        opened(model)
    assert len(list(root.iterdir())) == 2 and not first.exists()


def test_nothing_else_in_the_folder_is_touched(root, model, monkeypatch):
    monkeypatch.setattr(cache, '_MODELS', 1)
    root.mkdir(parents=True, mode=0o700)
    for name in ('photos', '0123456789abcdef'):
        (root / name).mkdir()
        (root / name / 'mine').write_text('precious')
        os.utime(root / name, (1, 1))
    opened(model)
    assert {path.name for path in root.glob('*/mine')} == {'mine'}
    assert len(list(root.glob('*/mine'))) == 2 and opened(model)[0]


def test_only_the_entries_made_last_are_kept(root, model, monkeypatch):
    monkeypatch.setattr(cache, '_ENTRIES', 1)
    opened(model)
    shutil.copy(model, model.with_name('copy.onnx'))
    opened(model.with_name('copy.onnx'))
    assert len(entries(root)) == 1
    assert opened(model.with_name('copy.onnx'))[0]


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({'HOME': '/home/a'}, '/home/a/.cache/swiftnet_ros/openvino'),
        ({'HOME': '/home/a', 'XDG_CACHE_HOME': '/c'}, '/c/swiftnet_ros/openvino'),
        ({'HOME': '/home/a', 'XDG_CACHE_HOME': 'c'}, '/home/a/.cache/swiftnet_ros/openvino'),
        ({'SWIFTNET_ROS_CACHE': '/own', 'XDG_CACHE_HOME': '/c'}, '/own/openvino'),
        ({'SWIFTNET_ROS_CACHE': '/own', VARIABLE: '/other'}, '/other'),
        ({'HOME': '/home/a', VARIABLE: OFF}, OFF),
        ({'HOME': '/home/a', VARIABLE: ''}, ''),
        ({}, None),
    ],
)
def test_the_node_uses_the_users_cache_folder_unless_told_otherwise(environment, expected):
    use_cache(environment)
    assert environment.get(VARIABLE) == expected
