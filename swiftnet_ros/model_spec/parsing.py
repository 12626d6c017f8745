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

"""Parse ONNX files, whose content is checked before anything uses it."""

from math import prod
from pathlib import Path
from typing import Any, Dict, Iterator, List

import onnx
from onnx.external_data_helper import load_external_data_for_model
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.system.library_errors import library_errors

_TYPES = onnx.TensorProto
# Bytes of a value in raw data.
_VALUE_BYTES: Dict[int, int] = {
    _TYPES.BOOL: 1,
    _TYPES.INT8: 1,
    _TYPES.UINT8: 1,
    _TYPES.INT16: 2,
    _TYPES.UINT16: 2,
    _TYPES.FLOAT16: 2,
    _TYPES.BFLOAT16: 2,
    _TYPES.INT32: 4,
    _TYPES.UINT32: 4,
    _TYPES.FLOAT: 4,
    _TYPES.INT64: 8,
    _TYPES.UINT64: 8,
    _TYPES.DOUBLE: 8,
    _TYPES.COMPLEX64: 8,
    _TYPES.COMPLEX128: 16,
}
# The same text for every other file: it must not tell a peer what one holds.
_DAMAGED = 'it is empty, truncated or not an ONNX file; copy or export it again'
_ELSEWHERE = 'its weights are stored in another file; save it as one file'


def parse_model(content: bytes, path: object) -> onnx.ModelProto:
    """
    Return the model in the content of a file; `path` is named in errors.

    Raise InvalidModelError if it cannot be decoded, text in it is not UTF-8, it has no nodes, or a
    tensor has another number of values than its shape. Tensors may be in other files.
    """
    with library_errors(lambda reason: InvalidModelError(path, _DAMAGED)):
        model = onnx.load_model_from_string(content)
        found = tensors(model)
    if not model.graph.node:
        raise InvalidModelError(path, _DAMAGED)
    for tensor in found:
        _check_size(tensor, path)
    return model


def check_self_contained(model: onnx.ModelProto, path: object) -> None:
    """Raise InvalidModelError if any tensor, wherever ONNX allows one, is in another file."""
    if any(is_external(tensor) for tensor in tensors(model)):
        raise InvalidModelError(path, _ELSEWHERE)


def check_onnx(content: bytes, path: object) -> None:
    """Raise InvalidModelError if the content of a file violates the standard: order, operators."""
    with library_errors(lambda reason: InvalidModelError(path, f'it is no valid ONNX: {reason}')):
        onnx.checker.check_model(content)


def load_external(model: onnx.ModelProto, folder: Path, path: object) -> None:
    """
    Load the tensors that are stored in files of a folder; raise InvalidModelError.

    Only regular files that are in the folder itself are read, and not beyond their end.
    """
    for tensor in tensors(model):
        if is_external(tensor):
            _check_external(tensor, folder, path)
    with library_errors(lambda reason: InvalidModelError(path, _not_loaded(reason))):
        load_external_data_for_model(model, str(folder))
    check_self_contained(model, path)
    for tensor in tensors(model):
        _check_size(tensor, path)


def is_external(tensor: onnx.TensorProto) -> bool:
    """Return whether the values of a tensor are in another file."""
    return tensor.data_location == _TYPES.EXTERNAL or bool(tensor.external_data)


def type_name(data_type: int) -> str:
    """Return the name of an ONNX data type, in lower case; its number if it has none."""
    if data_type not in _TYPES.DataType.values():
        return f'type {data_type}'
    return str(_TYPES.DataType.Name(data_type)).lower()


def tensors(model: onnx.ModelProto) -> List[onnx.TensorProto]:
    """Return all tensors: initializers, attributes, those in subgraphs, functions, sparse ones."""
    return [item for item in _messages(model) if isinstance(item, onnx.TensorProto)]


def _messages(root: Any) -> Iterator[Any]:
    """Yield a message and all that are in it; ValueError if a text is not UTF-8."""
    waiting = [root]
    while waiting:
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, 'ListFields') else value)
            elif field.type == field.TYPE_STRING:
                texts = [value] if isinstance(value, (str, bytes)) else value
                # Protocol buffers return bytes for text that they cannot decode.
                if any(isinstance(text, bytes) for text in texts):
                    raise ValueError('a text is not UTF-8')


def _check_size(tensor: onnx.TensorProto, path: object) -> None:
    """Raise InvalidModelError if a shape is impossible or raw data has another number of bytes."""
    values = prod(tensor.dims)
    expected = values * _VALUE_BYTES.get(tensor.data_type, 0)
    is_wrong = tensor.HasField('raw_data') and expected and len(tensor.raw_data) != expected
    if is_wrong or any(side < 0 for side in tensor.dims):
        found = f'{len(tensor.raw_data)} bytes for {type_name(tensor.data_type)}'
        reason = f'its tensor {tensor.name!r} has {found} {list(tensor.dims)}'
        raise InvalidModelError(path, f'{reason}; copy or export it again')


def _check_external(tensor: onnx.TensorProto, folder: Path, path: object) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get('location', '')
    file = folder / location
    if not location or Path(location).name != location or file.is_symlink():
        reason = f'the file {location!r} is not in its folder, or is a link'
        raise InvalidModelError(path, _not_loaded(reason))
    with library_errors(lambda reason: InvalidModelError(path, _not_loaded(reason))):
        size = file.stat().st_size if file.is_file() else -1
        offset, length = (int(entries.get(key) or 0) for key in ('offset', 'length'))
    if min(offset, length) < 0 or offset + length > size:
        reason = f'{location} is missing, or shorter than {offset + length} bytes'
        raise InvalidModelError(path, _not_loaded(reason))


def _not_loaded(reason: str) -> str:
    return f'its weights in another file cannot be read ({reason})'
