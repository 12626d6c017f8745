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

"""What the system has to allow a program that uses ROS, whose libraries crash or hang without."""

import os
import resource
import signal
import subprocess
import sys

from swiftnet_ros.errors import ResourceLimitError, SharedMemoryFullError

SHARED_MEMORY = '/dev/shm'
# A segment, its ports and their locks are about ten files.
_MIN_SHARED_FILES = 16
_MIN_SHARED_BYTES = 1 << 16
# Measured: with less, Fast DDS reports several errors, or its threads do not start.
_MIN_OPEN_FILES = 64
_MIN_ADDRESS_MB = 768


def check_limits_for_ros() -> None:
    """
    Raise ResourceLimitError or SharedMemoryFullError if rclpy cannot be imported or used here.

    Its tracing library maps a page of shared memory, which is a bus error if that is full.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < _MIN_OPEN_FILES:
        raise ResourceLimitError('open files', files, _MIN_OPEN_FILES, 'ulimit -n')
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    if memory != resource.RLIM_INFINITY and memory < _MIN_ADDRESS_MB << 20:
        raise ResourceLimitError('MB of memory', memory >> 20, _MIN_ADDRESS_MB, 'ulimit -v')
    if free_shared_memory() >= _MIN_SHARED_BYTES:
        return
    ended = subprocess.run([sys.executable, '-c', 'import rclpy'], stderr=subprocess.DEVNULL)
    if ended.returncode == -signal.SIGBUS:
        raise SharedMemoryFullError(SHARED_MEMORY)


def free_shared_memory() -> float:
    """Return the bytes that this process can take, 0 without write access, infinity elsewhere."""
    if sys.platform != 'linux':
        return float('inf')
    if not os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
        return 0.0
    status = os.statvfs(SHARED_MEMORY)
    if status.f_files and status.f_favail < _MIN_SHARED_FILES:
        return 0.0
    # Without a limit, tmpfs has no blocks at all.
    return float(status.f_bavail * status.f_frsize) if status.f_blocks else float('inf')
