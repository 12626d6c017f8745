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

"""A ROS domain that no other test process on this machine uses, and none beyond this machine."""

import fcntl
import os
from pathlib import Path
import tempfile
from typing import Any, Dict

_DOMAINS = range(1, 101)
_held: Dict[int, Any] = {}


def claim_domain() -> int:
    """
    Take a free domain for as long as this process lives, and tell ROS about it.

    Two suites at once never hear each other: each domain has a file that its owner locks, and
    the lock goes with the process. Processes that the tests start inherit the domain.
    """
    for domain in _held or _DOMAINS:
        if domain in _held or _lock(domain):
            os.environ['ROS_DOMAIN_ID'] = str(domain)
            os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
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
