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

"""Mounts of full or read-only disks for one command."""

import subprocess

import pytest

NO_MOUNT = 'no small disk can be mounted here'
_MOUNT = 'mount -t tmpfs -o mode=700,"$1" none "$2" && shift 2 && exec "$@"'
FULL, READ_ONLY = 'size=64k', 'ro'


def on_disk(options, folder, command):
    """Return a command that runs another one with such a disk mounted on a folder, or skip."""
    words = ['unshare', '--map-root-user', '--mount', 'sh', '-c', _MOUNT, 'sh', options]
    try:
        usable = subprocess.run([*words, str(folder), 'true'], capture_output=True)
    except FileNotFoundError:
        pytest.skip(NO_MOUNT)
    if usable.returncode:
        pytest.skip(NO_MOUNT)
    return [*words, str(folder), *command]
