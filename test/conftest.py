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

"""Plugins and fixtures of all tests."""

from importlib.util import find_spec
import logging
import os
from pathlib import Path

import pytest

pytest_plugins = (
    'helpers.skip_ledger',
    'helpers.fixtures',
    'helpers.tensorrt_builds',
    'helpers.ros_session',
    'pytester',
)

# Tests neither read nor write the user's cache of compiled networks.
os.environ['SWIFTNET_ROS_OPENVINO_CACHE'] = 'off'

TEST = Path(__file__).parent
TRAINING = TEST / 'training'

# Programs that tests start can import the package and the test helpers.
_PATHS = (str(TEST.parent), str(TEST), os.environ.get('PYTHONPATH', ''))
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, _PATHS))


def pytest_ignore_collect(collection_path, config):
    """Ignore the tests of training where torch is not installed, as on a robot."""
    if collection_path != TRAINING or find_spec('torch'):
        return None
    # Not a skip if another folder was asked for.
    requested = {Path(config.invocation_params.dir, word).resolve() for word in config.args}
    if requested & {TRAINING, *TRAINING.parents}:
        ledger = config.pluginmanager.get_plugin('skip_ledger_of_this_run')
        ledger.note('test/training', 'torch is not installed')
    return True


@pytest.fixture
def caplog(caplog, monkeypatch):
    """Capture the project's loggers too, whose propagation the launch package of ROS turns off."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith(('swiftnet_ros', 'training')) and isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, 'propagate', True)
    return caplog
