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

"""Discovery limited to this machine sends no packet to the network, with the profile too."""

import os
import shutil
import subprocess
import sys

import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.ros.compat import PROFILE_VARIABLES
from swiftnet_ros.ros.discovery import check_domain, is_limited_to_machine, limit_to_machine

# Runs in a network namespace with one link to the outside; prints the packets sent over it.
OUTSIDE = """
set -e
for name in all default; do echo 1 >/proc/sys/net/ipv6/conf/$name/disable_ipv6; done
mount -t tmpfs -o size=512m tmpfs /dev/shm
ip link set lo up
ip link add inside type veth peer name outside
ip address add 10.77.0.1/24 dev inside
ip link set inside up
ip link set outside up
ip route add 224.0.0.0/4 dev inside
touch "$LOG"
sent() {
  ip -statistics -json link show inside |
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'
}
before=$(sent)
"$PYTHON" -m swiftnet_ros.segmentation_node --ros-args -p "model:=$MODEL" >"$LOG" 2>&1 &
for _ in $(seq 100); do
  ! grep -q segmenting "$LOG" || break
  sleep 0.2
done
sleep 2
kill -INT $!
wait $!
echo $(($(sent) - before))
"""
NO_NAMESPACE = 'no network namespace can be created here'


@pytest.mark.parametrize(
    ('environment', 'is_limited'),
    [
        ({}, False),
        ({'ROS_LOCALHOST_ONLY': '0'}, False),
        ({'ROS_LOCALHOST_ONLY': '1'}, True),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, False),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, True),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'off'}, True),
    ],
)
def test_limited_discovery_is_recognized(environment, is_limited):
    assert is_limited_to_machine(environment) is is_limited


@pytest.mark.parametrize(('version', 'is_humble'), [('3.3.15', True), ('7.1.6', False)])
def test_discovery_is_limited_by_the_variable_of_the_release(monkeypatch, version, is_humble):
    monkeypatch.setattr('swiftnet_ros.ros.compat.version', lambda name: version)
    environment = {}
    limit_to_machine(environment)
    assert is_limited_to_machine(environment)
    # Jazzy warns about Humble's variable.
    assert ('ROS_LOCALHOST_ONLY' in environment) == is_humble


def test_a_range_set_by_the_user_is_kept():
    environment = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
    limit_to_machine(environment)
    assert environment == {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}


def packets_sent(model, log, **variables):
    """Return the number of packets that a node sends to the network until it ends."""
    isolate = ['unshare', '--net', '--mount', 'bash', '-c', OUTSIDE]
    mine = ('ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE', *PROFILE_VARIABLES)
    environment = {key: value for key, value in os.environ.items() if key not in mine}
    environment.update(PYTHON=sys.executable, MODEL=str(model), LOG=str(log), **variables)
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, sys.path))
    result = subprocess.run(isolate, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr + log.read_text()
    return int(result.stdout)


@pytest.fixture(scope='module')
def can_isolate():
    """Skip if this user may not create a network namespace with a link to the outside."""
    if not all(map(shutil.which, ('unshare', 'ip'))):
        pytest.skip(NO_NAMESPACE)
    link = 'ip link add inside type veth peer name outside'
    words = ['unshare', '--net', '--mount', 'bash', '-c', link]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip(NO_NAMESPACE)


def test_a_node_without_a_limit_is_found_from_outside(can_isolate, tiny_path, tmp_path):
    assert packets_sent(tiny_path, tmp_path / 'log') > 0


@pytest.mark.parametrize(
    'variables', [{'ROS_LOCALHOST_ONLY': '1'}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}]
)
def test_a_limited_node_sends_no_packet_outside(can_isolate, tiny_path, tmp_path, variables):
    assert packets_sent(tiny_path, tmp_path / 'log', **variables) == 0


@pytest.mark.parametrize('domain', ['233', '9999', '1' * 5000])
def test_a_domain_that_dds_cannot_use_raises(domain):
    with pytest.raises(InvalidValueError, match='ROS_DOMAIN_ID is .*, expected .* of 0 to 232'):
        check_domain({'ROS_DOMAIN_ID': domain})


@pytest.mark.parametrize('domain', ['', '0', '232', 'none'])
def test_other_domains_are_left_to_ros(domain):
    check_domain({'ROS_DOMAIN_ID': domain})
    check_domain({})
