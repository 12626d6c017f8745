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
Where OpenVINO keeps what it compiled, so that the next start need not compile again.

The environment names the folder, `SWIFTNET_ROS_OPENVINO_CACHE`; without it nothing is kept. Each
model has a folder of its own there, named by its content. What else an entry depends on (options,
CPU, its own version) OpenVINO sees to; what it does not see is damage: each has its SHA-256 beside
it.
"""

from contextlib import contextmanager, ExitStack
import fcntl
import hashlib
import os
from pathlib import Path
import re
import shutil
import stat
from typing import Dict, Iterator, List, MutableMapping, Optional, Union

from swiftnet_ros.system.paths import user_cache

VARIABLE = 'SWIFTNET_ROS_OPENVINO_CACHE'
OFF = 'off'
# The models, and the entries of a model, that are kept: those used or made last.
_MODELS = 8
_ENTRIES = 4
_CHUNK = 2**20
_NAME, _LOCK = re.compile('[0-9a-f]{16}'), 'lock'


def use_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """
    Name the cache folder of this user in the environment, unless something is named there.

    It lies in the folder of `user_cache`.
    """
    folder = user_cache(environment)
    if folder is not None:
        environment.setdefault(VARIABLE, str(folder / 'openvino'))


@contextmanager
def compiled_cache(model: Union[str, Path]) -> Iterator[Dict[str, str]]:
    """
    Give the options with which OpenVINO compiles a model file, or takes it from the cache.

    Nothing is kept in a folder that others can write to, or that cannot be used; two processes
    that open the same model come one after the other.
    """
    with ExitStack() as stack:
        try:
            folder = _open_folder(Path(model), stack)
        except OSError:
            folder = None
        yield {} if folder is None else {'CACHE_DIR': str(folder)}
        if folder is not None:
            _seal(folder)


def _open_folder(model: Path, stack: ExitStack) -> Optional[Path]:
    """Make the folder of a model, lock it until the stack ends, and remove what is damaged."""
    named = os.environ.get(VARIABLE, '')
    if named in ('', OFF):
        return None
    root = Path(named)
    folder = root / _digest(model)[:16]
    for path in (root, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours_alone(path):
            return None
    lock = os.open(folder / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    stack.callback(os.close, lock)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.utime(folder)
    for path in [path for path in _newest_first(root) if _is_of_a_model(path)][_MODELS:]:
        shutil.rmtree(path, ignore_errors=True)
    for entry in folder.glob('*.blob'):
        seal = _seal_of(entry)
        if not seal.is_file() or seal.read_text() != _digest(entry):
            _remove(entry)
    return folder


def _is_of_a_model(path: Path) -> bool:
    """Tell our folders from whatever else lies where the user put the cache."""
    return bool(_NAME.fullmatch(path.name)) and (path / _LOCK).is_file() and not path.is_symlink()


def _is_ours_alone(folder: Path) -> bool:
    """Tell whether nobody else can write there: what is read from it becomes the network."""
    found = os.lstat(folder)
    is_open = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not is_open


def _seal(folder: Path) -> None:
    """Note the SHA-256 of new entries, and remove the oldest where there are too many."""
    try:
        entries = [path for path in _newest_first(folder) if path.suffix == '.blob']
        for entry in entries[_ENTRIES:]:
            _remove(entry)
        for entry in entries[:_ENTRIES]:
            if not _seal_of(entry).is_file():
                _seal_of(entry).write_text(_digest(entry))
    except OSError:
        # An entry without a whole seal is not used: the next start compiles again.
        pass


def _remove(entry: Path) -> None:
    _seal_of(entry).unlink(missing_ok=True)
    entry.unlink()


def _seal_of(entry: Path) -> Path:
    return entry.with_suffix('.sha256')


def _newest_first(folder: Path) -> List[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(_CHUNK), b''):
            digest.update(chunk)
    return digest.hexdigest()
