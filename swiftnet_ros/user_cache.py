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

"""Where this user's caches lie: engines, and compiled networks below them."""

import os
from pathlib import Path
from typing import Mapping, Optional


def user_cache(environment: Mapping[str, str]) -> Optional[Path]:
    """
    Give $SWIFTNET_ROS_CACHE, else $XDG_CACHE_HOME/swiftnet_ros, else ~/.cache/swiftnet_ros.

    None where there is no home either. Nothing is made or checked.
    """
    own, base = (environment.get(name) for name in ('SWIFTNET_ROS_CACHE', 'XDG_CACHE_HOME'))
    if own:
        return Path(own)
    # The standard wants a relative path to be left alone.
    if base and os.path.isabs(base):
        return Path(base, 'swiftnet_ros')
    home = environment.get('HOME', '')
    return Path(home, '.cache', 'swiftnet_ros') if os.path.isabs(home) else None
