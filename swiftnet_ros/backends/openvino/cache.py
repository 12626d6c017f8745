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
Compiled networks that OpenVINO exported, so that the next start is faster.

SWIFTNET_ROS_OPENVINO_CACHE names their folder; without it, or with `off`, nothing is cached. Each
model has a folder there, named by the SHA-256 of its content, and an entry in that by everything
else that it depends on: options, CPU, version of OpenVINO, changes of the graph. Its seal is the
SHA-256 of the entry.
"""

from contextlib import ExitStack
import hashlib
import logging
import os
from pathlib import Path
from typing import Any, Callable, Mapping, MutableMapping, NamedTuple, Optional, Sequence

from swiftnet_ros.backends.openvino.graph import halve_images_by_convolution, REVISION
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.library_errors import library_reason
from swiftnet_ros.system.paths import user_cache
from swiftnet_ros.system.private_files import locked, private_folder, read_private_file
from swiftnet_ros.text import LIMIT, os_reason, safe_text

VARIABLE = 'SWIFTNET_ROS_OPENVINO_CACHE'
OFF = 'off'
_LOG = logging.getLogger(__name__)
_DEVICE = 'CPU'
_MAX_BYTES, _MAX_SEAL_BYTES = 1 << 31, 1 << 10
_DIGITS = 16
# Longer than a network compiles; a process that was stopped holds its lock forever.
_LONGEST_WAIT_S = 60.0


class CompiledNetwork(NamedTuple):
    """A network of OpenVINO, and whether it came from the cache."""

    network: Any
    is_cached: bool


def use_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the variable to a folder in the user's cache, unless it is set already."""
    folder = user_cache(environment)
    if folder is not None:
        environment.setdefault(VARIABLE, str(folder / 'openvino'))


def compiled_network(
    core: Any, content: bytes, settings: Mapping[str, str], machine: Sequence[str]
) -> CompiledNetwork:
    """
    Return the network of an ONNX file's content, from the cache or compiled and then cached.

    `machine` describes the CPU. What is wrong with the cache is one warning: the network is
    compiled. Other processes that open the same model wait, so that only one compiles it.
    """
    with ExitStack() as stack:
        entry = blob = None
        root = os.path.expanduser(os.environ.get(VARIABLE, ''))
        if root not in ('', OFF):
            facts = [
                dict(settings),
                list(machine),
                core.get_versions(_DEVICE)[_DEVICE].build_number,
                REVISION,
            ]
            try:
                entry = _locked_entry(Path(root), content, to_json(facts, sort_keys=True), stack)
                blob = _read(entry)
            except OSError as error:
                _warn('compiled networks are not cached in', root, error)
                entry = None
        if blob is not None:
            cached = _imported(core, blob, settings)
            if cached is not None:
                return CompiledNetwork(cached, True)
        model = core.read_model(content, b'')
        halve_images_by_convolution(model)
        network = core.compile_model(model, _DEVICE, dict(settings))
        # An intact entry that OpenVINO does not take would not be better the next time.
        if entry is not None and blob is None:
            _store(network, entry)
        return CompiledNetwork(network, False)


def _locked_entry(root: Path, content: bytes, facts: str, stack: ExitStack) -> Path:
    """Return the path of an entry, its model's folder locked until the stack ends."""
    model, key = (hashlib.sha256(part).hexdigest()[:_DIGITS] for part in (content, facts.encode()))
    folder = private_folder(private_folder(root) / model)
    stack.enter_context(locked(folder / 'lock', _once_warning(folder), _LONGEST_WAIT_S))
    return folder / f'{key}.blob'


def _once_warning(folder: Path) -> Callable[[], None]:
    """Return a function that logs at its first call that another process is waited for."""
    text = f'waiting for another process that compiles the same model (lock in {folder})'
    texts = [safe_text(text)]

    def warn() -> None:
        if texts:
            _LOG.warning(texts.pop())

    return warn


def _read(entry: Path) -> Optional[bytes]:
    """Return an entry that is complete and as it was written, else None; OSError if unsafe."""
    try:
        seal = read_private_file(entry.with_suffix('.sha256'), _MAX_SEAL_BYTES)
        blob = read_private_file(entry, _MAX_BYTES)
    except FileNotFoundError:
        return None
    if hashlib.sha256(blob).hexdigest().encode() != seal:
        _LOG.warning('compiling again: %s or its seal is damaged', safe_text(entry))
        return None
    return blob


def _imported(core: Any, blob: bytes, settings: Mapping[str, str]) -> Any:
    """Return the network of an entry, None if this OpenVINO does not take it."""
    try:
        return core.import_model(blob, _DEVICE, dict(settings))
    # The boundary to OpenVINO, which can raise anything here; compiling needs no entry.
    except Exception as error:
        _LOG.info('OpenVINO does not take its compiled network: %s', library_reason(error))
        return None


def _store(network: Any, entry: Path) -> None:
    exported = network.export_model()
    blob = exported if isinstance(exported, bytes) else exported.getvalue()
    try:
        write_atomic(entry, blob, private=True)
        seal = hashlib.sha256(blob).hexdigest()
        write_atomic(entry.with_suffix('.sha256'), seal, private=True)
    except OSError as error:
        _warn('the compiled network is not cached in', entry.parent, error)


def _warn(what: str, folder: object, error: OSError) -> None:
    _LOG.warning('%s %s: %s', what, safe_text(folder), _reason(folder, error))


def _reason(folder: object, error: OSError) -> str:
    """Return what is wrong and what to do, with the name of a file in the folder."""
    text = f'{os_reason(error)}; remove it, or set {VARIABLE} to a folder of your own or to {OFF}'
    is_inside = error.filename is not None and str(error.filename) != str(folder)
    return safe_text(f'{error.filename}: {text}' if is_inside else text, 2 * LIMIT)
