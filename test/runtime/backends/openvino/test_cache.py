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

"""Compiled networks are cached where only this user can write, by the bytes of their model."""

import fcntl
import hashlib
import logging
import os
from pathlib import Path
import shutil
from threading import Thread
from time import sleep

from helpers.checkout import ROOT
from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import openvino
import pytest
from swiftnet_ros.backends.openvino import cache
from swiftnet_ros.backends.openvino.cache import OFF, use_cache, VARIABLE
from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.backends.tensorrt.engine_file import cache_folder


@pytest.fixture(autouse=True)
def only_warnings(caplog):
    """Leave out what is logged below a warning, which other tests may have switched on."""
    caplog.set_level(logging.WARNING)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Set a cache folder that does not exist yet."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / 'cache' / 'openvino'))
    return tmp_path / 'cache' / 'openvino'


@pytest.fixture
def model(tmp_path):
    """Write a model."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


def opened(path, precision='fp32'):
    """Open a model; return whether it came from the cache, and its logits."""
    with OpenVinoBackend.from_path(path, precision, 1) as backend:
        shape = (1, backend.spec.input_height, backend.spec.input_width, 3)
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        return backend.is_cached, backend.infer(image).copy()


def test_second_start_uses_the_cache(root, model):
    first, logits = opened(model)
    again, same = opened(model)
    assert (first, again) == (False, True)
    np.testing.assert_array_equal(logits, same)


def test_int8_network_is_the_same_at_the_second_start(root, caplog):
    first, logits = opened(ROOT / 'models/indoor.int8.onnx', 'int8')
    again, same = opened(ROOT / 'models/indoor.int8.onnx', 'int8')
    # OpenVINO 2024 cannot import an int8 network with a Resize that it exported, not even from a
    # CACHE_DIR of its own.
    assert not first and (again or openvino.__version__ < '2026')
    np.testing.assert_array_equal(logits, same)
    assert caplog.messages == []


def only_entry(root) -> Path:
    """Return the one network in the cache."""
    (entry,) = root.glob('*/*.blob')
    return entry


def test_entry_is_named_by_the_bytes_of_the_model_and_sealed(root, model):
    opened(model)
    entry = only_entry(root)
    assert entry.parent.name == hashlib.sha256(model.read_bytes()).hexdigest()[:16]
    seal = hashlib.sha256(entry.read_bytes()).hexdigest()
    assert entry.with_suffix('.sha256').read_text() == seal


def test_folders_and_files_are_for_their_user_alone(root, model):
    opened(model)
    folders = (root.parent, root, only_entry(root).parent)
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * 3
    files = {path.stat().st_mode & 0o777 for path in only_entry(root).parent.iterdir()}
    assert files == {0o600}


def test_tensorrt_can_use_the_cache_that_openvino_has_created(tmp_path, model, monkeypatch):
    monkeypatch.setenv('SWIFTNET_ROS_CACHE', str(tmp_path / 'swiftnet_ros'))
    environment = dict(os.environ)
    environment.pop(VARIABLE, None)
    use_cache(environment)
    monkeypatch.setenv(VARIABLE, environment[VARIABLE])
    # Ubuntu's default for users: their group may write.
    before = os.umask(0o002)
    try:
        assert [opened(model)[0] for _ in range(2)] == [False, True]
    finally:
        os.umask(before)
    assert cache_folder() == tmp_path / 'swiftnet_ros'


@pytest.mark.parametrize('value', [None, '', OFF])
def test_without_a_folder_nothing_is_cached(model, monkeypatch, value):
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)
    monkeypatch.chdir(model.parent)
    assert [opened(model)[0] for _ in range(2)] == [False, False]
    assert [path.name for path in model.parent.iterdir()] == ['tiny.onnx']


def test_other_network_with_the_same_name_and_time_is_compiled(root, model):
    logits = opened(model)[1]
    time = model.stat()
    write_tiny_model(model, COLORS[::-1])
    os.utime(model, ns=(time.st_atime_ns, time.st_mtime_ns))
    is_cached, other = opened(model)
    assert not is_cached and np.abs(other - logits).max() > 0.01


def _flip(path):
    content = bytearray(path.read_bytes())
    content[5] ^= 0x80
    path.write_bytes(content)


@pytest.mark.parametrize(
    ('suffix', 'damage', 'warnings'),
    [
        # A seal with this byte is not UTF-8.
        ('.sha256', _flip, 1),
        ('.sha256', lambda path: path.write_bytes(b''), 1),
        ('.sha256', Path.unlink, 0),
        ('.blob', _flip, 1),
        ('.blob', lambda path: os.truncate(path, 100), 1),
        ('.blob', lambda path: os.truncate(path, 0), 1),
        ('.blob', Path.unlink, 0),
    ],
)
def test_damaged_entry_is_one_warning_and_made_anew(root, model, suffix, damage, warnings, caplog):
    logits = opened(model)[1]
    damage(only_entry(root).with_suffix(suffix))
    is_cached, same = opened(model)
    assert not is_cached and len(caplog.messages) == warnings
    np.testing.assert_array_equal(logits, same)
    assert opened(model)[0] and len(caplog.messages) == warnings


def _replace_by_folder(path):
    path.unlink()
    path.mkdir()


def _replace_by_link(path):
    path.rename(path.with_suffix('.moved'))
    path.symlink_to(path.with_suffix('.moved'))


def _give_away(path):
    os.chown(path, 12345, 12345)


@pytest.mark.parametrize('suffix', ['.sha256', '.blob'])
@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        (_replace_by_folder, 'it is not a file'),
        (_replace_by_link, 'it is a link'),
        (lambda path: path.chmod(0o620), 'others may write to it'),
        (lambda path: path.chmod(0o602), 'others may write to it'),
        pytest.param(
            _give_away,
            'it belongs to user 12345, not to you',
            marks=pytest.mark.skipif(os.geteuid() != 0, reason='changing an owner needs root'),
        ),
    ],
)
def test_entry_that_others_may_have_written_is_left_aside(
    root, model, suffix, fault, reason, caplog
):
    logits = opened(model)[1]
    faulty = only_entry(root).with_suffix(suffix)
    fault(faulty)
    is_cached, same = opened(model)
    assert not is_cached
    np.testing.assert_array_equal(logits, same)
    (warning,) = caplog.messages
    assert str(faulty) in warning and reason in warning and VARIABLE in warning


def test_sealed_entry_that_openvino_does_not_take_is_compiled_again(root, model, caplog):
    logits = opened(model)[1]
    entry = only_entry(root)
    content = entry.read_bytes()
    for blob in (b'', content[:64], content[: len(content) // 2], b'no network' * 100):
        entry.write_bytes(blob)
        entry.with_suffix('.sha256').write_text(hashlib.sha256(blob).hexdigest())
        is_cached, same = opened(model)
        assert not is_cached
        np.testing.assert_array_equal(logits, same)
    assert caplog.messages == []


@pytest.mark.parametrize('kind', ['folder', 'link', 'dangling link'])
def test_lock_is_a_file_of_its_own(root, model, tmp_path, kind, caplog):
    logits = opened(model)[1]
    lock, elsewhere = only_entry(root).parent / 'lock', tmp_path / 'elsewhere'
    lock.unlink()
    if kind == 'folder':
        lock.mkdir()
    else:
        lock.symlink_to(elsewhere)
    if kind == 'link':
        elsewhere.write_text('precious')
    is_cached, same = opened(model)
    np.testing.assert_array_equal(logits, same)
    assert is_cached == (kind == 'folder') and len(caplog.messages) == (kind != 'folder')
    assert elsewhere.exists() == (kind == 'link')
    assert kind != 'link' or elsewhere.read_text() == 'precious'


def test_waiting_for_another_process_is_logged_after_a_second(root, model, caplog):
    opened(model)
    lock = os.open(only_entry(root).parent / 'lock', os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    found = []
    waiting = Thread(target=lambda: found.append(opened(model)[0]))
    waiting.start()
    sleep(0.5)
    assert caplog.messages == []
    sleep(1.2)
    os.close(lock)
    waiting.join(20)
    assert found == [True]
    (warning,) = caplog.messages
    assert 'waiting for another process' in warning and str(root) in warning


def test_lock_that_is_never_released_is_not_waited_for_forever(root, model, monkeypatch, caplog):
    opened(model)
    monkeypatch.setattr(cache, '_LONGEST_WAIT_S', 0.2)
    with open(only_entry(root).parent / 'lock') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not opened(model)[0]
    assert 'another process holds its lock' in caplog.text


def test_full_disk_is_one_warning(root, model, monkeypatch, caplog):
    def fail(path, *_, **__):
        raise OSError(28, 'No space left on device', str(path))

    monkeypatch.setattr(cache, 'write_atomic', fail)
    assert [opened(model)[0] for _ in range(2)] == [False, False]
    assert len(caplog.messages) == 2 and 'No space left on device' in caplog.text


@pytest.mark.parametrize(('precision', 'threads'), [('fp32', 2), ('auto', 1)])
def test_other_options_are_used_with_a_cached_network(root, model, precision, threads):
    opened(model)
    with OpenVinoBackend.from_path(model, precision, threads) as backend:
        assert backend.threads == threads or os.cpu_count() == 1
        used = backend.precision
    with OpenVinoBackend.from_path(model.rename(model.with_name('b.onnx')), precision) as backend:
        assert backend.precision == used


@pytest.mark.parametrize('mode', [0o770, 0o707, 0o777])
def test_folder_that_others_can_write_is_ignored_with_a_warning(root, model, mode, caplog):
    root.mkdir(parents=True)
    root.chmod(mode)
    assert not opened(model)[0] and not list(root.iterdir())
    (warning,) = caplog.messages
    assert f'not cached in {root}: others may write in it' in warning and VARIABLE in warning


def test_link_is_ignored_with_a_warning(root, model, tmp_path, caplog):
    root.parent.mkdir()
    root.symlink_to(tmp_path)
    assert not opened(model)[0]
    assert len(caplog.messages) == 1 and 'it is a link' in caplog.text


def test_link_in_place_of_the_folder_of_a_model_is_ignored(root, model, tmp_path, caplog):
    opened(model)
    folder = only_entry(root).parent
    shutil.move(folder, tmp_path / 'elsewhere')
    folder.symlink_to(tmp_path / 'elsewhere')
    assert not opened(model)[0] and len(caplog.messages) == 1


def test_folder_that_cannot_be_created_is_ignored_with_a_warning(root, model, caplog):
    root.parent.write_text('a file')
    assert not opened(model)[0]
    (warning,) = caplog.messages
    assert warning.startswith(f'compiled networks are not cached in {root}: ')
    assert 'Not a directory' in warning


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({'HOME': '/home/a'}, '/home/a/.cache/swiftnet_ros/openvino'),
        ({'HOME': '/home/a', 'XDG_CACHE_HOME': '/c'}, '/c/swiftnet_ros/openvino'),
        ({'HOME': '/home/a', 'XDG_CACHE_HOME': 'c'}, '/home/a/.cache/swiftnet_ros/openvino'),
        ({'SWIFTNET_ROS_CACHE': '/own', 'XDG_CACHE_HOME': '/c'}, '/own/openvino'),
        ({'SWIFTNET_ROS_CACHE': '/own', VARIABLE: '/other'}, '/other'),
        ({'SWIFTNET_ROS_CACHE': '~/own'}, os.path.expanduser('~/own/openvino')),
        ({'XDG_CACHE_HOME': '~/c'}, os.path.expanduser('~/c/swiftnet_ros/openvino')),
        ({'HOME': '/home/a', VARIABLE: OFF}, OFF),
        ({'HOME': '/home/a', VARIABLE: ''}, ''),
        ({}, None),
    ],
)
def test_node_uses_the_cache_folder_of_the_user_by_default(environment, expected):
    use_cache(environment)
    assert environment.get(VARIABLE) == expected
