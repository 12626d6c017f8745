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

"""The folder of ROS's log files: without one that can be written, ROS does not start."""

import os
from tempfile import TemporaryFile
from typing import List, Mapping, Optional

from swiftnet_ros.errors import LogFolderError
from swiftnet_ros.text import os_reason

_NO_LOG_FILES = '--disable-external-lib-logs'


def check_log_folder(arguments: List[str], environment: Mapping[str, str] = os.environ) -> None:
    """Raise LogFolderError if ROS could not create its log file; its own text has many lines."""
    if _NO_LOG_FILES in arguments:
        return
    folder = log_folder(environment)
    if folder is None:
        raise LogFolderError('HOME is not set')
    try:
        os.makedirs(folder, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LogFolderError(f'{os_reason(error)}: {folder}') from error


def log_folder(environment: Mapping[str, str]) -> Optional[str]:
    """Return $ROS_LOG_DIR, $ROS_HOME/log or ~/.ros/log, as ROS does; None without a home."""
    home = environment.get('HOME', '')
    own, base = (environment.get(name, '') for name in ('ROS_LOG_DIR', 'ROS_HOME'))
    folder = own or os.path.join(base or '~/.ros', 'log')
    if not folder.startswith('~'):
        return folder
    return home + folder[1:] if home else None
