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

"""ROS for the tests: their own domain, one context, and nodes that are destroyed."""

from importlib.util import find_spec
from pathlib import Path

from helpers.ros_domain import claim_domain
from helpers.tiny_model import write_tiny_model
import pytest
from swiftnet_ros.ros.fastdds import set_profile

NO_RCLPY = 'rclpy is not installed'


class _WithoutRos(pytest.Module):
    """A test file that is skipped before its imports fail."""

    def collect(self):
        pytest.skip(NO_RCLPY, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Skip every file if ROS is not installed, with one reason for each file."""
    if find_spec('rclpy') is None:
        return _WithoutRos.from_parent(parent, path=module_path)
    return None


claim_domain()
set_profile()


@pytest.fixture
def probe(ros):
    """Return a node that publishes and subscribes for a test, spun by a thread."""
    from helpers.ros_probe import Probe

    with Probe() as opened:
        yield opened


@pytest.fixture(scope='session')
def tiny_path(tmp_path_factory) -> Path:
    """Return the path of a tiny model of five classes for 64x48 pixels."""
    path = tmp_path_factory.mktemp('model') / 'tiny.onnx'
    write_tiny_model(path)
    return path


@pytest.fixture(scope='session')
def segmenter(tiny_path):
    """Return a segmenter of the tiny model, which computes the expected labels."""
    from swiftnet_ros.segmenter import open_model

    with open_model(tiny_path) as opened:
        yield opened


@pytest.fixture
def status(probe):
    """Return a function that waits for a status and returns its message and values."""
    from diagnostic_msgs.msg import DiagnosticArray
    from helpers.ros_probe import wait_until

    arrays = probe.subscribe('/diagnostics', DiagnosticArray, wait=False)

    def wait_for(namespace, name, level, text='', **expected):
        owner = (f'segmentation: {name}', f'{namespace}/segmentation', bytes([level]))

        def fitting():
            for item in [item for array in reversed(list(arrays)) for item in array.status]:
                values = {pair.key: pair.value for pair in item.values}
                if (
                    (item.name, item.hardware_id, item.level) == owner
                    and text in item.message
                    and all(values[key] == str(value) for key, value in expected.items())
                ):
                    return item.message, values
            return None

        arrays.clear()
        wait_until(fitting, 10, f'{name} of level {level} with {text!r} and {expected}')
        return fitting()

    return wait_for


@pytest.fixture(scope='session')
def wide_path(tmp_path_factory) -> Path:
    """Return the path of a tiny model of 300 classes, whose labels need 16 bits."""
    path = tmp_path_factory.mktemp('model') / 'wide.onnx'
    colors = [(i % 7 * 40, i // 7 % 7 * 40, i // 49 * 40) for i in range(300)]
    write_tiny_model(path, colors)
    return path


@pytest.fixture(scope='session')
def graphs(ros, tiny_path):
    """Return the ROS graphs of nodes with one and with two cameras, by their SROS 2 enclave."""
    from helpers.node_graph import graph_of

    one, two = graph_of(tiny_path), graph_of(tiny_path, cameras=['front', 'rear'])
    one.add(graph_of(tiny_path, image_transport='compressed'))
    two.add(graph_of(tiny_path, cameras=['front', 'rear'], image_transport='compressed'))
    return {'/segmentation': one, '/multi_camera': two}


@pytest.fixture
def gated(monkeypatch):
    """Register an engine whose gates a test can close; they are open."""
    from helpers.fake_engines import GatedEngine
    from swiftnet_ros.backends import registry

    monkeypatch.setitem(registry.BACKENDS, 'gated', 'helpers.fake_engines:GatedEngine')
    GatedEngine.reset()
    yield GatedEngine
    GatedEngine.reset()
