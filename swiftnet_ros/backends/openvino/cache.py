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


"""
The folder in which OpenVINO caches compiled networks, so that the next start is faster.

SWIFTNET_ROS_OPENVINO_CACHE names it; without it, or with `off`, nothing is cached. OpenVINO
itself finds an entry by the content of the model, its options, the CPU and its version.
"""

import logging
import os
from pathlib import Path
import stat
from typing import Dict, MutableMapping

from swiftnet_ros.system.paths import user_cache
from swiftnet_ros.text import safe_text

VARIABLE = 'SWIFTNET_ROS_OPENVINO_CACHE'
OFF = 'off'
_LOG = logging.getLogger(__name__)


def use_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the variable to a folder in the user's cache, unless it is set already."""
    folder = user_cache(environment)
    if folder is not None:
        environment.setdefault(VARIABLE, str(folder / 'openvino'))


def cache_options() -> Dict[str, str]:
    """
    Return the options of OpenVINO that make it use the cache, none without a folder.

    A folder in which another user can write is ignored with a warning: cached blobs are trusted
    and executed.
    """
    folder = os.environ.get(VARIABLE, '')
    if folder in ('', OFF):
        return {}
    try:
        # Create the parent with mode 0700 too: TensorRT refuses a cache that others can write to.
        if not Path(folder).parent.exists():
            Path(folder).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(folder).mkdir(mode=0o700, exist_ok=True)
        status = os.lstat(folder)
    except OSError as error:
        where = safe_text(folder)
        _LOG.warning('compiled networks are not cached in %s: %s', where, error.strerror)
        return {}
    others_can_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or others_can_write:
        reason = 'it is a link, or other users can write in it; remove it, or set'
        where = safe_text(folder)
        _LOG.warning('compiled networks are not cached in %s: %s %s', where, reason, VARIABLE)
        return {}
    return {'CACHE_DIR': folder}
