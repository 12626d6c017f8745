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

"""The folder of ROS's log is checked before ROS fails in several lines."""

import os
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.small_disk import on_disk, READ_ONLY
import pytest
from swiftnet_ros.errors import LogFolderError
from swiftnet_ros.ros.log_folder import check_log_folder, log_folder

NODE = [sys.executable, '-m', 'swiftnet_ros.image_publisher']
WAY_OUT = 'set ROS_LOG_DIR to a folder that can be written'


@pytest.mark.parametrize(
    ('environment', 'folder'),
    [
        ({'HOME': '/home/a'}, '/home/a/.ros/log'),
        ({'HOME': '/home/a', 'ROS_HOME': '/b'}, '/b/log'),
        ({'HOME': '/home/a', 'ROS_HOME': '/b', 'ROS_LOG_DIR': '/c'}, '/c'),
        ({'HOME': '/home/a', 'ROS_LOG_DIR': '~/log'}, '/home/a/log'),
        ({'HOME': '/home/a', 'ROS_LOG_DIR': ''}, '/home/a/.ros/log'),
        ({'ROS_LOG_DIR': '/c'}, '/c'),
        ({'HOME': ''}, None),
        ({}, None),
    ],
)
def test_the_folder_is_that_of_ros(environment, folder):
    assert log_folder(environment) == folder


def test_a_missing_folder_is_made_and_left_empty(tmp_path):
    check_log_folder([], {'ROS_LOG_DIR': str(tmp_path / 'a/b')})
    assert os.listdir(tmp_path / 'a/b') == []


@pytest.mark.parametrize('environment', [{}, {'HOME': '/proc'}, {'ROS_LOG_DIR': '/proc/a'}])
def test_without_log_files_no_folder_is_needed(environment):
    check_log_folder(['--ros-args', '--disable-external-lib-logs'], environment)
    with pytest.raises(LogFolderError):
        check_log_folder([], environment)


def ended(command, **changes):
    """Return the exit code and the error output of a command with changed variables."""
    environment = {**os.environ, **changes}
    environment = {name: value for name, value in environment.items() if value is not None}
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, timeout=60, **pipes)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ('program', 'home', 'reason'),
    [
        ('image_publisher', None, 'HOME is not set'),
        ('demo', None, 'HOME is not set'),
        ('segmentation_node', '/proc', 'No such file or directory: /proc/.ros/log'),
    ],
)
def test_a_program_without_a_log_folder_ends_in_one_line(program, home, reason):
    command = [sys.executable, '-m', f'swiftnet_ros.{program}']
    code, errors = ended(command, HOME=home, ROS_LOG_DIR=None, ROS_HOME=None)
    assert code == 1 and errors.count('\n') == 1
    assert errors.startswith(f'error: ROS cannot write its log: {reason}') and WAY_OUT in errors


def test_a_read_only_log_folder_is_named(tmp_path):
    command = on_disk(READ_ONLY, tmp_path, NODE)
    code, errors = ended(command, ROS_LOG_DIR=str(tmp_path))
    reason = f'Read-only file system: {tmp_path}; {WAY_OUT}'
    assert (code, errors) == (1, f'error: ROS cannot write its log: {reason}\n')
