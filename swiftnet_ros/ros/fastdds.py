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
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, List, MutableMapping
from xml.etree import ElementTree

from swiftnet_ros.ros.compat import needs_localhost_only, PROFILE_VARIABLES, profile_variables
from swiftnet_ros.ros.discovery import is_limited_to_machine
from swiftnet_ros.system.limits import free_shared_memory, SHARED_MEMORY
from swiftnet_ros.system.paths import share_folder
from swiftnet_ros.text import os_reason

_MB = 2**20
SEGMENT_BYTES = 64 * _MB
MIN_SEGMENT_BYTES = 16 * _MB
# What a process takes for each byte of its segment: 5 % more for the segment, and its ports.
_OVERHEAD = 1.25
# Fast DDS sends a frame as messages of 64 kB, of which a port holds 512.
_LARGEST_FRAME = 33e6
# Measured, with the receive buffer that Linux has by default.
_LARGEST_BY_UDP = 0.5e6
_XML = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'
_SHARED_MEMORY_ID = 'shared_memory_64mb'
# Generated profiles, which are deleted with this list when the process ends.
_GENERATED: List[Any] = []


def set_profile(environment: MutableMapping[str, str] = os.environ) -> str:
    """
    Set the shipped profile in the environment, unless the user has set one.

    With less free shared memory than its segment needs, set a generated one with a smaller
    segment, or UDP alone, and return a warning, else an empty text. If discovery is limited to
    this machine, so is the profile on Humble, which only adds transports to those of a profile;
    newer releases limit them.
    """
    if any(environment.get(variable) for variable in PROFILE_VARIABLES):
        return ''
    is_local = needs_localhost_only() and is_limited_to_machine(environment)
    path = share_folder('config') / ('fastdds_localhost.xml' if is_local else 'fastdds.xml')
    free = free_shared_memory()
    segment = segment_bytes(free)
    if segment < SEGMENT_BYTES:
        try:
            path = _generated(path, segment)
        except OSError as error:
            return f'{_warning(free, 0)} (no temporary file for a profile: {os_reason(error)})'
    environment.update(dict.fromkeys(profile_variables(), str(path)))
    return '' if segment == SEGMENT_BYTES else _warning(free, segment)


def segment_bytes(free: float) -> int:
    """Return the size of the segment, or 0 for UDP, with so many free bytes of shared memory."""
    if free >= SEGMENT_BYTES * _OVERHEAD:
        return SEGMENT_BYTES
    if free < MIN_SEGMENT_BYTES * _OVERHEAD:
        return 0
    # Half of it, because a camera driver needs a segment too.
    return max(MIN_SEGMENT_BYTES, int(free / _OVERHEAD / 2 / _MB) * _MB)


def _warning(free: float, segment: int) -> str:
    if segment:
        largest = min(segment, _LARGEST_FRAME)
        way = f'Fast DDS takes a segment of {segment / _MB:.0f} MB'
    else:
        largest = _LARGEST_BY_UDP
        way = 'images are sent by UDP'
    return (
        f'{SHARED_MEMORY} has {free / _MB:.0f} MB free: {way}, and only images of up to '
        f'{largest / 1e6:.3g} MB arrive reliably; start a container with --shm-size=1g'
    )


def _generated(shipped: Path, segment: int) -> Path:
    """Write a shipped profile with another size of the segment, without any if it is 0."""
    ElementTree.register_namespace('', _XML.strip('{}'))
    tree = ElementTree.parse(shipped)
    for size in tree.iter(f'{_XML}segment_size'):
        size.text = str(segment)
    if not segment:
        lists = ('transport_descriptors', 'userTransports')
        for parent in [item for name in lists for item in tree.iter(_XML + name)]:
            for child in list(parent):
                if _SHARED_MEMORY_ID in (child.text, child.findtext(f'{_XML}transport_id')):
                    parent.remove(child)
    # Not anonymous: Fast DDS opens it by its path, in child processes too.
    profile = NamedTemporaryFile(prefix='swiftnet_ros_fastdds_', suffix='.xml')  # noqa: SIM115
    tree.write(profile)
    profile.flush()
    _GENERATED.append(profile)
    return Path(profile.name)
