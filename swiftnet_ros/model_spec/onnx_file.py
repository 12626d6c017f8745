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

"""Read and write ONNX files with a model specification and a golden frame."""

import hashlib
from pathlib import Path
from typing import Callable, Optional, Union

import onnx
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidModelError,
    MissingSpecError,
    SpecVersionError,
    SwiftnetError,
)
from swiftnet_ros.model_spec.contract import check_graph, IR_VERSION, OPSET
from swiftnet_ros.model_spec.finite_weights import check_finite_weights
from swiftnet_ros.model_spec.golden import Golden
from swiftnet_ros.model_spec.model_file import ModelFile
from swiftnet_ros.model_spec.parsing import (
    check_onnx,
    check_self_contained,
    load_external,
    parse_model,
)
from swiftnet_ros.model_spec.qdq import is_quantized
from swiftnet_ros.model_spec.spec import ModelSpec
from swiftnet_ros.system.file_reader import read_regular
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.text import os_reason

SPEC_KEY = 'swiftnet_ros.model_spec'
GOLDEN_KEY = 'swiftnet_ros.golden'
# Protocol buffers cannot be larger.
_MAX_BYTES = 2**31 - 1
# The first data type that needs a newer IR than 8 (the 8-bit floats); all others follow it.
_FIRST_NEW_TYPE = onnx.TensorProto.FLOAT8E4M3FN

PathLike = Union[str, Path]


def read_model_file(path: PathLike) -> ModelFile:
    """Return an ONNX file, read once, whose graph agrees with its specification, or raise."""
    content = _read(path)
    model = _parse_whole(content, path)
    digest = hashlib.sha256(content).hexdigest()
    spec, golden = _spec(model, path), _golden(model, path)
    check_finite_weights(model, path)
    precision = 'int8' if is_quantized(model) else spec.precision
    return ModelFile(Path(path), digest, len(content), spec, precision, golden, content, model)


def read_model(path: PathLike) -> onnx.ModelProto:
    """Return an ONNX file, with weights that are stored in another file next to it."""
    model = parse_model(_read(path), path)
    load_external(model, Path(path).parent, path)
    check_finite_weights(model, path)
    return model


def read_spec(path: PathLike) -> ModelSpec:
    """Return the specification of an ONNX file whose graph agrees with it, or raise."""
    return _spec(_parse_whole(_read(path), path), path)


def read_golden(path: PathLike) -> Optional[Golden]:
    """Return the golden frame of an ONNX file, or None."""
    return _golden(_parse_whole(_read(path), path), path)


def check_opset(model: onnx.ModelProto, path: PathLike) -> None:
    """Raise InvalidModelError if the opset is newer than TensorRT 8.5 reads."""
    opset = max(
        (item.version for item in model.opset_import if item.domain in ('', 'ai.onnx')), default=0
    )
    if opset > OPSET:
        raise InvalidModelError(
            path, f'it has opset {opset}, expected at most {OPSET}; export it with that opset'
        )


def write_model(
    model: onnx.ModelProto,
    path: PathLike,
    spec: ModelSpec,
    golden: Optional[Golden],
    check: Callable[[Path], object] = lambda copy: None,
) -> None:
    """
    Write an ONNX file of the contract; raise InvalidModelError for another graph.

    The specification and golden frame are set last because some graph libraries drop metadata.
    The given model is not changed. The complete copy, which can be read, is given to `check`
    before it replaces an older file, which stays if an error is raised.
    """
    path, copy = Path(path), onnx.ModelProto()
    copy.CopyFrom(model)
    check_opset(copy, path)
    _lower_ir(copy, path)
    check_graph(copy, spec, path)
    check_finite_weights(copy, path)
    check_onnx(copy.SerializeToString(), path)
    _set_metadata(copy, SPEC_KEY, spec.to_json())
    _set_metadata(copy, GOLDEN_KEY, golden.to_json() if golden else None)

    def check_copy(written: Path) -> None:
        read_model_file(written)
        check(written)

    write_atomic(path, copy.SerializeToString(deterministic=True), check=check_copy)


def _read(path: PathLike) -> bytes:
    if not Path(path).is_file():
        raise FileMissingError(path, 'model')
    try:
        size = Path(path).stat().st_size
        if size > _MAX_BYTES:
            raise InvalidModelError(path, f'it has {size} bytes, more than an ONNX file can have')
        return read_regular(path)
    except OSError as error:
        reason = f'it cannot be read ({os_reason(error)}); check its permissions and its disk'
        raise InvalidModelError(path, reason) from error


def _parse_whole(content: bytes, path: PathLike) -> onnx.ModelProto:
    """Return the model of a file that `write_model` wrote, as it has a specification."""
    model = parse_model(content, path)
    check_self_contained(model, path)
    if _metadata(model, SPEC_KEY) is None:
        raise MissingSpecError(path)
    check_onnx(content, path)
    return model


def _spec(model: onnx.ModelProto, path: PathLike) -> ModelSpec:
    try:
        spec = ModelSpec.from_json(_metadata(model, SPEC_KEY) or '')
    except SpecVersionError:
        raise
    except SwiftnetError as error:
        raise InvalidModelError(path, str(error)) from error
    check_graph(model, spec, path)
    return spec


def _golden(model: onnx.ModelProto, path: PathLike) -> Optional[Golden]:
    text = _metadata(model, GOLDEN_KEY)
    try:
        return None if text is None else Golden.from_json(text)
    except SwiftnetError as error:
        raise InvalidModelError(path, str(error)) from error


def _metadata(model: onnx.ModelProto, key: str) -> Optional[str]:
    found = [entry.value for entry in model.metadata_props if entry.key == key]
    return found[-1] if found else None


def _set_metadata(model: onnx.ModelProto, key: str, value: Optional[str]) -> None:
    kept = [entry for entry in model.metadata_props if entry.key != key]
    if value is not None:
        kept.append(onnx.StringStringEntryProto(key=key, value=value))
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def _lower_ir(model: onnx.ModelProto, path: Path) -> None:
    """Lower the IR version to 8, or raise InvalidModelError if the weights need a newer one."""
    newest = max((weights.data_type for weights in model.graph.initializer), default=0)
    if newest >= _FIRST_NEW_TYPE:
        name = onnx.TensorProto.DataType.Name(newest)
        raise InvalidModelError(
            path, f'it holds weights of type {name}, which IR {IR_VERSION} lacks'
        )
    model.ir_version = min(model.ir_version, IR_VERSION)
