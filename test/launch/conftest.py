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

"""The launch files are tested if ROS is installed and a workspace has this package."""

from importlib.util import find_spec

from helpers.ros_domain import claim_domain
import pytest

NO_LAUNCH = 'launch_pytest is not installed'
NOT_BUILT = 'swiftnet_ros is not in the ROS workspace that is sourced'


class _Skipped(pytest.Module):
    """A test file that is skipped before its imports fail."""

    def collect(self):
        pytest.skip(self.reason, allow_module_level=True)


def _reason():
    """Return why the launch files cannot be tested here, None if they can."""
    if find_spec('launch_pytest') is None:
        return NO_LAUNCH
    from ament_index_python.packages import get_packages_with_prefixes

    return None if 'swiftnet_ros' in get_packages_with_prefixes() else NOT_BUILT


def pytest_pycollect_makemodule(module_path, parent):
    """Skip every file if the launch files cannot be tested."""
    reason = _reason()
    if reason is None:
        return None
    module = _Skipped.from_parent(parent, path=module_path)
    module.reason = reason
    return module


claim_domain()


@pytest.fixture(scope='session')
def tiny_path(tmp_path_factory):
    """Return the path of a tiny model of five classes for 64x48 pixels."""
    from helpers.tiny_model import write_tiny_model

    path = tmp_path_factory.mktemp('model') / 'tiny.onnx'
    write_tiny_model(path)
    return path


@pytest.fixture(scope='module')
def probe(ros):
    """Return a node that publishes and subscribes, spun by a thread."""
    from helpers.ros_probe import Probe

    with Probe() as opened:
        yield opened
