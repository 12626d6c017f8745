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
The Fast DDS profile: a shared-memory segment that several camera frames fit into.

With the default of half a megabyte, a best-effort stream of large images loses most of its
frames. Fast DDS reads the profile from the environment when the first node starts.
"""

import os
import shutil
from typing import MutableMapping

from swiftnet_ros.ros.compat import needs_localhost_only, PROFILE_VARIABLES, profile_variables
from swiftnet_ros.ros.discovery import is_limited_to_machine
from swiftnet_ros.system.paths import share_folder

SEGMENT_BYTES = 64 * 2**20
_SHARED_MEMORY = '/dev/shm'


def set_profile(environment: MutableMapping[str, str] = os.environ) -> str:
    """
    Set the shipped profile in the environment, unless the user has set one.

    Return a warning if it is not set because too little shared memory is free, else an empty
    text: with a segment that does not fit, Fast DDS would use no shared memory at all. If
    discovery is limited to this machine, so is the profile on Humble, which only adds transports
    to those of a profile; newer releases limit them.
    """
    if any(environment.get(variable) for variable in PROFILE_VARIABLES):
        return ''
    free = _free_shared_memory()
    if free < SEGMENT_BYTES * 1.25:
        return (
            f'{_SHARED_MEMORY} has {free / 2**20:.0f} MB free, too little for large frames, which '
            'may be lost; start a container with --shm-size=1g'
        )
    is_local = needs_localhost_only() and is_limited_to_machine(environment)
    name = 'fastdds_localhost.xml' if is_local else 'fastdds.xml'
    path = str(share_folder('config') / name)
    environment.update(dict.fromkeys(profile_variables(), path))
    return ''


def _free_shared_memory() -> float:
    """Return the free bytes of shared memory; infinity if the folder is missing (no Linux)."""
    if not os.path.isdir(_SHARED_MEMORY):
        return float('inf')
    return float(shutil.disk_usage(_SHARED_MEMORY).free)
