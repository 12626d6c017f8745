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

"""How far ROS discovery reaches: this machine alone, or the network."""

import os
from typing import Mapping, MutableMapping

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.ros.compat import needs_localhost_only

_LOCALHOST_ONLY = 'ROS_LOCALHOST_ONLY'
_DISCOVERY_RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
_MACHINE = ('LOCALHOST', 'OFF')
_DOMAIN = 'ROS_DOMAIN_ID'
# The ports of higher ones are above 65535.
_LAST_DOMAIN = 232


def is_limited_to_machine(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether discovery is to send no packet beyond this machine."""
    range_name = environment.get(_DISCOVERY_RANGE, '').upper()
    return environment.get(_LOCALHOST_ONLY) == '1' or range_name in _MACHINE


def limit_to_machine(environment: MutableMapping[str, str] = os.environ) -> None:
    """Limit discovery to this machine, unless the user has set how far it reaches."""
    if _LOCALHOST_ONLY in environment or _DISCOVERY_RANGE in environment:
        return
    environment[_DISCOVERY_RANGE] = 'LOCALHOST'
    if needs_localhost_only():
        environment[_LOCALHOST_ONLY] = '1'


def check_domain(environment: Mapping[str, str] = os.environ) -> None:
    """Raise InvalidValueError for a ROS domain for which DDS would end the process."""
    domain = environment.get(_DOMAIN, '').strip()
    if domain.isdecimal() and (len(domain) > len('232') or int(domain) > _LAST_DOMAIN):
        raise InvalidValueError(_DOMAIN, domain, f'a whole number of 0 to {_LAST_DOMAIN}')
