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

"""A ROS domain of this test process alone, on this machine only."""

import fcntl
import os
from pathlib import Path
import tempfile
from typing import Any, Dict

_DOMAINS = range(1, 101)
_held: Dict[int, Any] = {}


def claim_domain() -> int:
    """
    Reserve a free domain until this process ends, set it in the environment and return it.

    Concurrent test processes never receive each other's messages: each locks its domain's
    file until it ends. Processes that the tests start inherit the domain.
    """
    for domain in _held or _DOMAINS:
        if domain in _held or _lock(domain):
            os.environ['ROS_DOMAIN_ID'] = str(domain)
            os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
            if os.environ.get('ROS_DISTRO') == 'humble':
                os.environ['ROS_LOCALHOST_ONLY'] = '1'
            return domain
    raise RuntimeError(f'no ROS domain is free: {len(_DOMAINS)} test processes run already')


def _lock(domain: int) -> bool:
    folder = Path(tempfile.gettempdir(), 'swiftnet_ros_test_domains')
    folder.mkdir(exist_ok=True)
    lock_file = (folder / str(domain)).open('w')
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock_file.close()
        return False
    _held[domain] = lock_file
    return True
