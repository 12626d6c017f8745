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
Engine files, each with a sidecar `<engine>.json` that describes what it was built from.

An engine can run code when it is loaded: the cache belongs to the user alone, and an engine is
loaded only if nobody else can have written it and its SHA-256 is that of its sidecar.
EngineCacheError for a folder that cannot be used, EngineFileError for an engine.
"""

from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple, Union

from swiftnet_ros.backends.tensorrt.identity import EngineIdentity
from swiftnet_ros.errors import EngineCacheError, EngineFileError, SwiftnetError
from swiftnet_ros.model_spec import Golden, ModelFile, ModelSpec
from swiftnet_ros.system import private_files
from swiftnet_ros.system.file_reader import MAX_BYTES
from swiftnet_ros.system.files import write_together
from swiftnet_ros.system.json_reader import check_kinds, Kinds, NUMBER, parse_json
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import user_cache
from swiftnet_ros.text import os_reason

SUFFIX = '.engine'
SIDECAR_VERSION = 1
_FACTS: Dict[str, Kinds] = {
    'identity': dict,
    'golden': (str, type(None)),
    'engine_sha256': str,
    'build_seconds': NUMBER,
    'precisions': dict,
    'dla_fallback': list,
    'workspace_mb': int,
    'swiftnet_ros': str,
}


@dataclass(frozen=True)
class Sidecar:
    """
    What an engine is and how it was built.

    `precisions` maps each layer to its real precision, from TensorRT's inspector; it is empty if
    there was no GPU to load the engine. `dla_fallback` are the layers that the DLA cannot run.
    `golden` is the golden frame of the model as JSON.
    """

    identity: EngineIdentity
    spec: ModelSpec
    golden: Optional[str]
    engine_sha256: str
    build_seconds: float
    precisions: Dict[str, str]
    dla_fallback: Tuple[str, ...]
    workspace_mb: int
    swiftnet_ros: str

    def to_json(self) -> str:
        """Return the sidecar as JSON."""
        tree = {
            'version': SIDECAR_VERSION,
            **vars(self),
            'identity': self.identity.to_tree(),
            'spec': json.loads(self.spec.to_json()),
            'dla_fallback': list(self.dla_fallback),
        }
        return to_json(tree, indent=1) + '\n'

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> 'Sidecar':
        """Parse what `to_json` wrote; SwiftnetError, KeyError or TypeError for anything else."""
        tree: Any = parse_json(text, 'the sidecar')
        if not isinstance(tree, dict) or tree.pop('version', None) != SIDECAR_VERSION:
            raise TypeError('another version of swiftnet_ros wrote it')
        check_kinds(tree, _FACTS, 'the sidecar')
        tree['identity'] = EngineIdentity.from_tree(tree['identity'])
        tree['spec'] = ModelSpec.from_json(to_json(tree['spec']))
        tree['dla_fallback'] = tuple(tree['dla_fallback'])
        return cls(**tree)


def cache_folder() -> Path:
    """
    Return the default folder of engines, created for its user alone if it does not exist.

    $SWIFTNET_ROS_CACHE, else $XDG_CACHE_HOME/swiftnet_ros, else ~/.cache/swiftnet_ros.
    """
    # Without $HOME, as in a service, the system knows the home folder.
    folder = user_cache({'HOME': os.path.expanduser('~'), **os.environ})
    if folder is None:
        raise EngineCacheError('~/.cache', 'there is no home folder')
    return private_folder(folder)


def private_folder(folder: Path) -> Path:
    """Create a folder with mode 0700; EngineCacheError if other users can write in it."""
    try:
        return private_files.private_folder(folder)
    except OSError as error:
        raise EngineCacheError(folder, os_reason(error)) from error


def engine_path(folder: Path, identity: EngineIdentity, model_name: str) -> Path:
    """Return the path of an engine in a folder."""
    return folder / f'{model_name}.{identity.precision}.{identity.key[:16]}{SUFFIX}'


def sidecar_path(path: Path) -> Path:
    """Return the path of the sidecar of an engine."""
    return path.with_name(f'{path.name}.json')


def store(path: Path, engine: bytes, sidecar: Sidecar) -> None:
    """Write an engine and its sidecar; an older pair stays if the disk is full."""
    try:
        write_together({path: engine, sidecar_path(path): sidecar.to_json()}, private=True)
    except OSError as error:
        raise EngineCacheError(path.parent, os_reason(error)) from error


def read_sidecar(path: Path) -> Sidecar:
    """Read the sidecar of an engine, without reading the engine."""
    check_engine(path)
    return _read_sidecar(path)


def check_engine(path: Path) -> None:
    """Raise EngineFileError if there is no engine or others may have written it."""
    os.close(_open(path))


def load(path: Path) -> Tuple[bytes, Sidecar]:
    """Read an engine and its sidecar; EngineFileError if they do not belong together."""
    handle = _open(path)
    with os.fdopen(handle, 'rb') as file:
        sidecar = _read_sidecar(path)
        try:
            engine = file.read()
        except (OSError, MemoryError) as error:
            raise EngineFileError(path, os_reason(error)) from error
    if hashlib.sha256(engine).hexdigest() != sidecar.engine_sha256:
        raise EngineFileError(path, "it is truncated or changed (SHA-256 is not its sidecar's)")
    return engine, sidecar


def read_engine_facts(path: Path) -> ModelFile:
    """Return the model of an engine as its sidecar describes it, without reading the engine."""
    handle = _open(path)
    try:
        size = os.fstat(handle).st_size
    finally:
        os.close(handle)
    sidecar = _read_sidecar(path)
    try:
        golden = None if sidecar.golden is None else Golden.from_json(sidecar.golden)
    except SwiftnetError as error:
        raise _unreadable(path, error) from error
    spec = sidecar.spec
    return ModelFile(path, sidecar.engine_sha256, size, spec, spec.precision, golden)


def _open(path: Path) -> int:
    """Return a descriptor of an engine that only this user can have written."""
    try:
        return private_files.open_private_file(path, follow_link=True)
    except FileNotFoundError as error:
        raise EngineFileError(path, 'there is no such file') from error
    except OSError as error:
        raise EngineFileError(path, os_reason(error)) from error


def _read_sidecar(path: Path) -> Sidecar:
    sidecar = sidecar_path(path)
    try:
        content = private_files.read_private_file(sidecar, MAX_BYTES, follow_link=True)
    except FileNotFoundError as error:
        raise EngineFileError(path, f'its sidecar {sidecar.name} is missing') from error
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return Sidecar.from_json(content)
    except (KeyError, TypeError, SwiftnetError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> EngineFileError:
    name = sidecar_path(path).name
    return EngineFileError(path, f'its sidecar {name} cannot be read ({os_reason(error)})')


@contextmanager
def build_lock(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """
    Let one process at a time build in the folder of an engine.

    Two builds at a time on one GPU would distort each other's timing. Another process may have
    built the engine meanwhile. The folder itself is locked: no lock file is left behind.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(private_files.locked(path.parent, on_wait))
        except OSError as error:
            reason = f'it cannot be locked ({os_reason(error)})'
            raise EngineCacheError(path.parent, reason) from error
        yield
