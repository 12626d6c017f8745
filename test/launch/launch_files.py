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

"""The installed launch files, included as another launch file includes them."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch_pytest.actions import ReadyToTest

FOLDER = Path(get_package_share_directory('swiftnet_ros'), 'launch')


class Record:
    """The environments, exit codes and stderr of the processes of a launch."""

    def __init__(self):
        self.environments, self.exit_codes, self.stderr = [], [], ''

    def handlers(self):
        """Return the actions that fill the record."""
        return [
            RegisterEventHandler(OnProcessStart(on_start=self._started)),
            RegisterEventHandler(OnProcessIO(on_stderr=self._printed)),
            RegisterEventHandler(OnProcessExit(on_exit=self._ended)),
        ]

    def _started(self, event, context):
        self.environments.append(dict(event.env or context.environment))

    def _printed(self, event):
        self.stderr += event.text.decode()

    def _ended(self, event, context):
        self.exit_codes.append(event.returncode)


def launched(file, **arguments):
    """Return a launch description that includes a launch file, and its record."""
    record = Record()
    path = str(FOLDER / file)
    included = IncludeLaunchDescription(path, launch_arguments=list(arguments.items()))
    return LaunchDescription([*record.handlers(), included, ReadyToTest()]), record
