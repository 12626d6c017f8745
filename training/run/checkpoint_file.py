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
Read the file of a checkpoint within limits.

torch.load with `weights_only` runs no code of a file, but it believes the sizes that the file
states. So the archive is checked before, and what was loaded is checked before it is used.
"""

from collections.abc import Mapping
import os
from pathlib import Path
import pickletools
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from swiftnet_ros.errors import FileMissingError, SwiftnetError
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.text import one_line, safe_text
import torch
from torch import Tensor

_DAMAGED = 'it is damaged or holds more than weights; train or download it again'
# The largest pickle, which describes the tensors: 500 need 100 kB.
_MAX_PICKLE = 4 << 20
_MAX_ITEMS, _MAX_DEPTH = 1_000_000, 32
# Tensors may share memory in the file, and are copied one by one.
_MAX_GROWTH = 8
_GLOBALS = {
    'collections OrderedDict',
    'torch._utils _rebuild_tensor_v2',
    'torch._utils _rebuild_parameter',
}
# How files of torch before 1.6 start: a pickled number.
_LEGACY = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
_PLAIN = (str, bool, int, float, type(None))


class CheckpointError(SwiftnetError):
    """A checkpoint that cannot be read or does not fit."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(f'cannot use checkpoint {safe_text(path)}: {one_line(reason)}')


def read_checkpoint_file(path: Path, what: str) -> Any:
    """
    Return plain values and tensors, copied from a file that torch.save wrote.

    Raise FileMissingError, which calls the file `what`, or CheckpointError for anything else.
    """
    if not path.is_file():
        raise FileMissingError(path, what)
    _check_format(path)
    with library_errors(lambda reason: CheckpointError(path, f'{_DAMAGED} ({reason})')):
        _check_archive(path)
        # Mapped, a tensor cannot extend beyond the file.
        content = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
        _check_tree(content, _MAX_GROWTH * path.stat().st_size)
        return _copied(content, {})


def _check_format(path: Path) -> None:
    """Raise CheckpointError, with what to do, for a sound file of another format."""
    if path.suffix == '.onnx':
        raise CheckpointError(path, 'it is an ONNX model; take the .pt file that it was made from')
    with open(path, 'rb') as file:
        is_legacy = file.read(len(_LEGACY)) == _LEGACY
    if is_legacy:
        raise CheckpointError(
            path,
            'it has the format of torch before 1.6; convert it: python -c "import sys, torch; '
            'torch.save(torch.load(sys.argv[1], weights_only=True), sys.argv[2])" OLD.pt NEW.pt',
        )


def _check_archive(path: Path) -> None:
    """Raise ValueError for an archive that torch.save did not write."""
    with ZipFile(path) as archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if any(entry.compress_type != ZIP_STORED for entry in entries):
            raise ValueError('it is compressed')
        if total > os.path.getsize(path):
            raise ValueError('its parts are larger than the file')
        for entry in entries:
            name = entry.filename.rpartition('/')[2]
            if name == 'byteorder' and archive.read(entry)[:16] != b'little':
                raise ValueError('it is of another byte order')
            if name == 'data.pkl':
                if entry.file_size > _MAX_PICKLE:
                    raise ValueError('it has too many parts')
                _check_globals(archive.read(entry))


def _check_globals(pickled: bytes) -> None:
    """Raise ValueError for a pickle that needs more than tensors: others can fill the memory."""
    for code, argument, _ in pickletools.genops(pickled):
        if code.name in ('GLOBAL', 'STACK_GLOBAL', 'INST'):
            name = str(argument)
            is_storage = name.startswith('torch ') and name.endswith('Storage')
            if name not in _GLOBALS and not is_storage:
                raise ValueError(f'it needs {name}')


def _check_tree(content: Any, max_bytes: int) -> None:
    """Raise ValueError for values of other types, and for too many, too deep or too large ones."""
    waiting: list[tuple[Any, int]] = [(content, 0)]
    items = size = 0
    seen: set[int] = set()
    while waiting:
        item, depth = waiting.pop()
        items += 1 + (len(item) if isinstance(item, str) else 0)
        if items > _MAX_ITEMS or depth > _MAX_DEPTH:
            raise ValueError('it has too many values, or nests them too deep')
        if isinstance(item, Tensor):
            _check_tensor(item)
            size += 0 if id(item) in seen else item.numel() * item.element_size()
            seen.add(id(item))
            if size > max_bytes:
                raise ValueError('its tensors are larger than the file')
        elif isinstance(item, Mapping):
            waiting.extend((child, depth + 1) for pair in item.items() for child in pair)
        elif isinstance(item, (list, tuple)):
            waiting.extend((child, depth + 1) for child in item)
        elif not isinstance(item, _PLAIN):
            raise ValueError(f'it holds a value of type {type(item).__name__}')


def _check_tensor(tensor: Tensor) -> None:
    is_plain = tensor.layout == torch.strided and tensor.device.type == 'cpu'
    if not is_plain or tensor.is_quantized or tensor.is_complex():
        kind = f'{tensor.dtype}, {tensor.layout} on {tensor.device}'
        raise ValueError(f'it holds a tensor of type {kind}')


def _copied(tree: Any, copies: dict[int, Tensor]) -> Any:
    """Return a tree with copies of its tensors; what was one tensor stays one."""
    if isinstance(tree, Tensor):
        return copies.setdefault(id(tree), tree.detach().clone())
    if isinstance(tree, Mapping):
        return {key: _copied(item, copies) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_copied(item, copies) for item in tree)
    return tree
