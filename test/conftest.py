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

"""What every test gets: the ledger of skips and the means to test it, and what loggers say."""

from importlib.util import find_spec
import logging
import os
from pathlib import Path

import pytest

pytest_plugins = ('helpers.skip_ledger', 'helpers.fixtures', 'pytester')

# No test leaves compiled networks in the home of whoever runs it, or finds some there.
os.environ['SWIFTNET_ROS_OPENVINO_CACHE'] = 'off'

TRAINING = Path(__file__).with_name('training')


def pytest_ignore_collect(collection_path, config):
    """Leave the tests of training out as a whole where torch is absent, as on a robot."""
    if collection_path != TRAINING or find_spec('torch'):
        return None
    # A run of another folder passes by here too; that is no skip.
    asked = {Path(config.invocation_params.dir, word).resolve() for word in config.args}
    if asked & {TRAINING, *TRAINING.parents}:
        ledger = config.pluginmanager.get_plugin('skip_ledger_of_this_run')
        ledger.note('test/training', 'torch is not installed')
    return True


@pytest.fixture
def caplog(caplog, monkeypatch):
    """Hear the project's loggers; where ROS is installed, its launch lets them pass nothing on."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith(('swiftnet_ros', 'training')) and isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, 'propagate', True)
    return caplog
