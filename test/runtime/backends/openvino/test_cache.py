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


"""OpenVINO caches compiled networks in a folder that only this user can write."""

import os

from helpers.tiny_model import COLORS, write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends.openvino import cache
from swiftnet_ros.backends.openvino.cache import cache_options, OFF, use_cache, VARIABLE
from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.backends.tensorrt.engine_file import cache_folder


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


def opened(path):
    """Open a model; return whether it came from the cache, and its logits."""
    with OpenVinoBackend.from_path(path, 'fp32', 1) as backend:
        compiled = backend._request.get_compiled_model()
        shape = (1, backend.spec.input_height, backend.spec.input_width, 3)
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        return compiled.get_property('LOADED_FROM_CACHE'), backend.infer(image).copy()


def test_second_start_uses_the_cache(root, model):
    first, logits = opened(model)
    again, same = opened(model)
    assert (first, again) == (False, True)
    np.testing.assert_array_equal(logits, same)


def test_folder_is_for_its_user_alone(root, model):
    opened(model)
    assert root.stat().st_mode & 0o777 == 0o700 and list(root.iterdir())


def test_tensorrt_can_use_the_cache_that_openvino_has_created(tmp_path, monkeypatch):
    monkeypatch.setenv('SWIFTNET_ROS_CACHE', str(tmp_path / 'swiftnet_ros'))
    environment = dict(os.environ)
    environment.pop(VARIABLE, None)
    use_cache(environment)
    monkeypatch.setenv(VARIABLE, environment[VARIABLE])
    # Ubuntu's default for users: their group may write.
    before = os.umask(0o002)
    try:
        assert cache_options()
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
    assert cache_options() == {}
    assert [opened(model)[0] for _ in range(2)] == [False, False]
    assert [path.name for path in model.parent.iterdir()] == ['tiny.onnx']


def test_other_network_with_the_same_name_and_time_is_compiled(root, model):
    logits = opened(model)[1]
    time = model.stat()
    write_tiny_model(model, COLORS[::-1])
    os.utime(model, ns=(time.st_atime_ns, time.st_mtime_ns))
    is_cached, other = opened(model)
    assert not is_cached and np.abs(other - logits).max() > 0.01


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
    assert f'not cached in {root}: ' in warning and VARIABLE in warning


def test_folder_of_somebody_else_is_ignored_with_a_warning(root, monkeypatch, caplog):
    root.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(cache.os, 'geteuid', lambda: os.getuid() + 1)
    assert cache_options() == {} and len(caplog.messages) == 1


def test_link_is_ignored_with_a_warning(root, tmp_path, caplog):
    root.parent.mkdir()
    root.symlink_to(tmp_path)
    assert cache_options() == {} and len(caplog.messages) == 1


def test_folder_that_cannot_be_created_is_ignored_with_a_warning(root, caplog):
    root.parent.write_text('a file')
    assert cache_options() == {}
    assert caplog.messages == [f'compiled networks are not cached in {root}: Not a directory']


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
def test_node_uses_the_cache_folder_of_the_user_by_default(environment, expected):
    use_cache(environment)
    assert environment.get(VARIABLE) == expected
