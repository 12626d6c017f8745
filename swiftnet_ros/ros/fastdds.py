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

"""
Give Fast DDS a shared-memory segment into which several camera frames fit.

With the default segment of half a megabyte a best-effort stream of large images loses most of
its frames. Fast DDS reads the profile from the environment when the first node starts.
"""

from importlib.metadata import PackageNotFoundError, version
import os
import shutil
from typing import MutableMapping, Tuple

from swiftnet_ros.system.paths import share_folder

VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
SEGMENT_BYTES = 64 * 2**20
# From this rclpy on (Kilted) ROS warns of the first variable; before it, it knows no other.
_RENAMED_IN = 9
_SHARED_MEMORY = '/dev/shm'


def set_profile(environment: MutableMapping[str, str] = os.environ) -> str:
    """
    Name the shipped profile in the environment, unless the user named one already.

    Returns the sentence for the log where this is not done: with less free shared memory than
    the segment takes, Fast DDS would go without any.
    """
    if any(environment.get(variable) for variable in VARIABLES):
        return ''
    free = _free_shared_memory()
    if free < SEGMENT_BYTES * 1.25:
        return (
            f'{_SHARED_MEMORY} has {free / 2**20:.0f} MB free, too few for large camera frames; '
            'give a container more (--shm-size=1g) or lose frames'
        )
    path = str(share_folder('config') / 'fastdds.xml')
    environment.update(dict.fromkeys(_known_variables(), path))
    return ''


def _known_variables() -> Tuple[str, ...]:
    """Give the variable that the installed ROS reads; both where its version is not known."""
    try:
        major = int(version('rclpy').split('.')[0])
    except (PackageNotFoundError, ValueError):
        return VARIABLES
    return VARIABLES[1:] if major >= _RENAMED_IN else VARIABLES[:1]


def _free_shared_memory() -> float:
    """Count free bytes; a machine without the folder (not Linux) sets no limit there."""
    if not os.path.isdir(_SHARED_MEMORY):
        return float('inf')
    return float(shutil.disk_usage(_SHARED_MEMORY).free)
