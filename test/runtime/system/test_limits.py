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

"""What a program that uses ROS needs is checked before rclpy is imported."""

import os
import resource
import signal
import subprocess
from types import SimpleNamespace

import pytest
from swiftnet_ros.errors import ResourceLimitError, SharedMemoryFullError
from swiftnet_ros.system.limits import check_limits_for_ros, free_shared_memory

UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def disk(monkeypatch):
    """Return a function that fakes the state of /dev/shm, and how an import of rclpy ends."""

    def fake(imported=0, writable=True, **status):
        full = {'f_blocks': 100, 'f_bavail': 0, 'f_frsize': 4096, 'f_files': 0, 'f_favail': 0}
        monkeypatch.setattr(os, 'statvfs', lambda path: SimpleNamespace(**{**full, **status}))
        monkeypatch.setattr(os, 'access', lambda path, mode: writable)
        ended = SimpleNamespace(returncode=imported)
        monkeypatch.setattr(subprocess, 'run', lambda command, **given: ended)

    return fake


@pytest.fixture
def allowed(monkeypatch):
    """Return a function that fakes the limits of this process."""

    def fake(files=UNLIMITED, memory=UNLIMITED):
        values = {resource.RLIMIT_NOFILE: files, resource.RLIMIT_AS: memory}
        monkeypatch.setattr(resource, 'getrlimit', lambda kind: (values[kind], UNLIMITED))

    return fake


@pytest.mark.parametrize(
    ('status', 'free'),
    [
        ({'f_bavail': 3}, 3 * 4096),
        ({'f_blocks': 0}, float('inf')),
        ({'f_bavail': 3, 'f_files': 20, 'f_favail': 15}, 0),
        ({'f_bavail': 3, 'f_files': 20, 'f_favail': 16}, 3 * 4096),
        ({'f_bavail': 3, 'writable': False}, 0),
    ],
)
def test_free_shared_memory_counts_blocks_files_and_permission(disk, status, free):
    disk(**status)
    assert free_shared_memory() == free


def test_full_shared_memory_is_an_error_only_if_rclpy_crashes(disk, allowed):
    allowed()
    disk(imported=-signal.SIGBUS)
    with pytest.raises(SharedMemoryFullError):
        check_limits_for_ros()
    disk(imported=0)
    check_limits_for_ros()
    disk(imported=-signal.SIGBUS, f_bavail=16)
    check_limits_for_ros()


def test_too_few_open_files_or_addresses_are_an_error(disk, allowed):
    disk(f_bavail=100)
    allowed(files=64, memory=768 << 20)
    check_limits_for_ros()
    allowed(files=63)
    with pytest.raises(ResourceLimitError, match='only 63 open files'):
        check_limits_for_ros()
    allowed(memory=767 << 20)
    with pytest.raises(ResourceLimitError, match='only 767 MB of memory'):
        check_limits_for_ros()
