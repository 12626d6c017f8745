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

"""Where the files beside the code lie: in a checkout, a colcon install or a pip install."""

import os
from pathlib import Path
import site
import sys
from typing import Iterator, Mapping, Optional

from swiftnet_ros.errors import FileMissingError


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


_PACKAGE = Path(__file__).resolve().parents[1]


def share_folder(name: str) -> Path:
    """Find `demo`, `config` or another folder that comes with the package."""
    for folder in share_folders(name):
        return folder
    raise FileMissingError(Path('share', _PACKAGE.name, name), 'folder of this package')


def share_folders(name: str) -> Iterator[Path]:
    """Give every folder of that name that comes with the package, the checkout's first."""
    # Beside an installed package lie other packages, which may be called `config` too.
    installed = _PACKAGE.parent.name in ('site-packages', 'dist-packages')
    if not installed and (_PACKAGE.parent / name).is_dir():
        yield _PACKAGE.parent / name
    for prefix in _prefixes():
        folder = prefix / 'share' / _PACKAGE.name / name
        if folder.is_dir():
            yield folder


def _prefixes() -> Iterator[Path]:
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix:
            yield Path(prefix)
    yield Path(sys.prefix)
    yield Path(site.getuserbase())
    # pip install --target and --prefix: share lies beside, or some folders above, the package.
    yield from _PACKAGE.parents
