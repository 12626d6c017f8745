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

"""The profile for large frames is set unless the user has one or shared memory is too small."""

from importlib.metadata import PackageNotFoundError
import os
import subprocess
import sys
from xml.etree import ElementTree

from helpers.checkout import ROOT
from helpers.small_disk import on_disk
import pytest
from swiftnet_ros.ros import fastdds
from swiftnet_ros.ros.compat import PROFILE_VARIABLES
from swiftnet_ros.ros.fastdds import SEGMENT_BYTES, segment_bytes, set_profile

MB = 2**20
XML = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'


@pytest.fixture(autouse=True)
def free_memory(monkeypatch):
    """Fake a gigabyte of free shared memory; return a function that sets another amount."""

    def set_free(megabytes):
        monkeypatch.setattr(fastdds, 'free_shared_memory', lambda: megabytes * 2**20)

    set_free(1024)
    return set_free


@pytest.fixture
def rclpy_is(monkeypatch):
    """Return a function that fakes the version of rclpy, None for no rclpy."""

    def fake(number):
        def version(name):
            if number is None:
                raise PackageNotFoundError(name)
            return number

        monkeypatch.setattr('swiftnet_ros.ros.compat.version', version)

    return fake


@pytest.mark.parametrize(
    ('number', 'names'),
    [
        ('3.3.16', PROFILE_VARIABLES[:1]),
        ('7.1.6', ['FASTRTPS_DEFAULT_PROFILES_FILE']),
        ('9.1.2', ['FASTDDS_DEFAULT_PROFILES_FILE']),
        ('10.0.1', PROFILE_VARIABLES[1:]),
        (None, PROFILE_VARIABLES),
        ('unknown', PROFILE_VARIABLES),
    ],
)
def test_the_variable_is_the_one_that_the_installed_ros_reads(rclpy_is, number, names):
    rclpy_is(number)
    environment = {}
    set_profile(environment)
    assert set(environment) == set(names)


@pytest.mark.parametrize(
    ('number', 'variables', 'name'),
    [
        ('3.3.16', {'ROS_LOCALHOST_ONLY': '1'}, 'fastdds_localhost.xml'),
        ('3.3.16', {}, 'fastdds.xml'),
        ('7.1.6', {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, 'fastdds.xml'),
    ],
)
def test_the_profile_is_local_on_humble_if_discovery_is(rclpy_is, number, variables, name):
    rclpy_is(number)
    environment = dict(variables)
    set_profile(environment)
    assert environment['FASTRTPS_DEFAULT_PROFILES_FILE'].endswith(f'/{name}')


def test_announcements_are_repeated_at_a_short_period():
    path = fastdds.share_folder('config') / 'fastdds.xml'
    name = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'
    (period,) = ElementTree.parse(path).iter(f'{name}leaseAnnouncement')
    seconds, nanoseconds = (int(part.text) for part in period)
    assert 0 < seconds + nanoseconds / 1e9 <= 0.5


def test_both_variables_name_the_shipped_file(rclpy_is):
    rclpy_is(None)
    environment = {}
    assert set_profile(environment) == ''
    path = environment['FASTRTPS_DEFAULT_PROFILES_FILE']
    assert path == environment['FASTDDS_DEFAULT_PROFILES_FILE']
    tree = ElementTree.parse(path)
    sizes = [int(e.text) for e in tree.iter() if e.tag.endswith('}segment_size')]
    assert sizes == [SEGMENT_BYTES] and SEGMENT_BYTES >= 64 * 2**20
    kinds = [e.text for e in tree.iter() if e.tag.endswith('}type')]
    assert sorted(kinds) == ['SHM', 'UDPv4']


@pytest.mark.parametrize('variable', PROFILE_VARIABLES)
def test_a_profile_of_the_user_is_kept(variable):
    environment = {variable: '/mine.xml'}
    assert set_profile(environment) == ''
    assert environment == {variable: '/mine.xml'}


@pytest.mark.parametrize(
    ('free', 'segment'),
    [(1024, 64), (80, 64), (79, 31), (64, 25), (40, 16), (20, 16), (19, 0), (0, 0)],
)
def test_the_segment_leaves_room_for_that_of_a_camera_driver(free, segment):
    assert segment_bytes(free * MB) == segment * MB


def profile_of(environment):
    """Return the sizes of segments, the kinds of transports and those used of a profile."""
    (path,) = set(environment.values())
    tree = ElementTree.parse(path)
    sizes = [int(e.text) for e in tree.iter(f'{XML}segment_size')]
    kinds = [e.text for e in tree.iter(f'{XML}type')]
    (used,) = tree.iter(f'{XML}userTransports')
    return sizes, kinds, [e.text for e in used]


def test_less_shared_memory_takes_a_smaller_segment_with_a_warning(free_memory):
    """A container has 64 MB by default."""
    free_memory(64)
    environment = {}
    assert set_profile(environment) == (
        '/dev/shm has 64 MB free: Fast DDS takes a segment of 25 MB, and only images of up to '
        '26.2 MB arrive reliably; start a container with --shm-size=1g'
    )
    used = ['shared_memory_64mb', 'udp']
    assert profile_of(environment) == ([25 * MB], ['SHM', 'UDPv4'], used)


@pytest.mark.parametrize('variables', [{}, {'ROS_LOCALHOST_ONLY': '1'}])
def test_hardly_any_shared_memory_leaves_udp_with_a_warning(free_memory, rclpy_is, variables):
    rclpy_is('3.3.16')
    free_memory(19)
    environment = dict(variables)
    warning = set_profile(environment)
    assert warning.startswith('/dev/shm has 19 MB free: images are sent by UDP, and only images')
    assert 'up to 0.5 MB' in warning
    assert profile_of({'path': environment[PROFILE_VARIABLES[0]]}) == ([], ['UDPv4'], ['udp'])


def test_a_profile_that_cannot_be_written_is_named_in_the_warning(free_memory, monkeypatch):
    def fail(**given):
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr(fastdds, 'NamedTemporaryFile', fail)
    free_memory(30)
    environment = {}
    assert 'no temporary file for a profile: Read-only file system' in set_profile(environment)
    assert environment == {}


NODE = """
import os, rclpy
from swiftnet_ros.ros.fastdds import set_profile

os.environ.pop('ROS_AUTOMATIC_DISCOVERY_RANGE', None)
warning = set_profile()
rclpy.init()
rclpy.create_node('small')
os.write(1, warning.encode())
"""


@pytest.mark.parametrize(
    ('options', 'way'), [('size=30m', 'a segment of 16 MB'), ('ro', 'sent by UDP')]
)
def test_fast_dds_accepts_the_generated_profile(options, way):
    environment = {k: v for k, v in os.environ.items() if k not in PROFILE_VARIABLES}
    command = on_disk(options, '/dev/shm', [sys.executable, '-c', NODE])
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, timeout=60, **pipes)
    assert (done.returncode, done.stderr) == (0, '')
    assert way in done.stdout


def test_full_shared_memory_is_one_line_where_rclpy_would_crash():
    node = [sys.executable, '-m', 'swiftnet_ros.segmentation_node', '--ros-args']
    fill = 'head -c 8k /dev/zero >/dev/shm/full; exec "$@"'
    node += ['-p', 'model:=nothing']
    command = on_disk('size=8k', '/dev/shm', ['sh', '-c', fill, 'sh', *node])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    # The releases differ in whether a tracing library is linked, which needs shared memory.
    errors = ('error: ROS cannot start because /dev/shm is full', 'error: model not found')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(errors), done.stderr
