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

"""Paths that a user gives, of the user's cache, and of the package's data files."""

from argparse import ArgumentTypeError
import os
from pathlib import Path
import re
import site
import sys
from typing import Iterator, Mapping, Optional

from swiftnet_ros.errors import FileMissingError, UnsetVariableError

_PACKAGE = Path(__file__).resolve().parents[1]
_VARIABLE = re.compile(r'\$(?:([A-Za-z_]\w*)|\{([^}]+)\})', re.ASCII)


def expand_path(path: str) -> str:
    """
    Return a path with `~`, `~USER`, `$VARIABLE` and `${VARIABLE}` expanded.

    A file whose own name contains a `$` is found too. Raise UnsetVariableError for a variable
    that is not set, such as HOME for `~`.
    """
    if os.path.lexists(path):
        return path

    def value(match: 're.Match[str]') -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise UnsetVariableError(path, name)
        return os.environ[name]

    expanded = os.path.expanduser(_VARIABLE.sub(value, path))
    if expanded.partition('/')[0] == '~':
        raise UnsetVariableError(path, 'HOME')
    return expanded


def path_argument(text: str) -> Path:
    """Return an argument as `expand_path` does; a `type` for argparse."""
    try:
        return Path(expand_path(text))
    except UnsetVariableError as error:
        raise ArgumentTypeError(str(error)) from error


def user_cache(environment: Mapping[str, str]) -> Optional[Path]:
    """
    Return $SWIFTNET_ROS_CACHE, $XDG_CACHE_HOME/swiftnet_ros or ~/.cache/swiftnet_ros.

    None if there is no home folder either. `~`, which no shell has expanded where a file sets the
    variable, is expanded. The folder is neither made nor checked.
    """
    names = ('SWIFTNET_ROS_CACHE', 'XDG_CACHE_HOME')
    own, base = (os.path.expanduser(environment.get(name, '')) for name in names)
    if own:
        return Path(own)
    # The XDG standard ignores relative paths.
    if base and os.path.isabs(base):
        return Path(base, 'swiftnet_ros')
    home = environment.get('HOME', '')
    return Path(home, '.cache', 'swiftnet_ros') if os.path.isabs(home) else None


def share_folder(name: str) -> Path:
    """Return `demo`, `config` or another data folder of the package, or raise FileMissingError."""
    for folder in share_folders(name):
        return folder
    raise FileMissingError(Path('share', _PACKAGE.name, name), 'folder of this package')


def share_folders(name: str) -> Iterator[Path]:
    """Yield every data folder of that name: of the checkout first, then of installs."""
    # In site-packages, a folder next to this package may belong to another one.
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
    # pip install --target or --prefix: `share` is next to the package or some folders above it.
    yield from _PACKAGE.parents
