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

from pathlib import Path
from typing import Optional, Union

from google.protobuf.message import DecodeError
import onnx
from onnx.checker import ValidationError
from onnx.external_data_helper import load_external_data_for_model, uses_external_data
from swiftnet_ros.errors import FileMissingError, InvalidModelError, MissingSpecError, one_line
from swiftnet_ros.model_spec.contract import check_graph, IR_VERSION, OPSET
from swiftnet_ros.model_spec.golden import Golden
from swiftnet_ros.model_spec.spec import ModelSpec
from swiftnet_ros.system.files import write_atomic

SPEC_KEY = 'swiftnet_ros.model_spec'
GOLDEN_KEY = 'swiftnet_ros.golden'
# The first data type that needs a newer IR than 8 (the 8-bit floats); all others follow it.
_FIRST_NEW_TYPE = onnx.TensorProto.FLOAT8E4M3FN

PathLike = Union[str, Path]


def read_model(path: PathLike) -> onnx.ModelProto:
    """Return an ONNX file, with weights that are stored in another file next to it."""
    model = _parse(path)
    try:
        load_external_data_for_model(model, str(Path(path).parent))
    except (OSError, ValueError, ValidationError) as error:
        reason = f'its weights in another file cannot be read ({one_line(error)})'
        raise InvalidModelError(path, reason) from error
    return model


def read_spec(path: PathLike) -> ModelSpec:
    """Return the specification of an ONNX file whose graph agrees with it, or raise."""
    model = _parse(path)
    if any(uses_external_data(weights) for weights in model.graph.initializer):
        raise InvalidModelError(
            path, 'its weights are stored in another file; save it as one file'
        )
    text = _metadata(model, SPEC_KEY)
    if text is None:
        raise MissingSpecError(path)
    spec = ModelSpec.from_json(text)
    check_graph(model, spec, path)
    return spec


def read_golden(path: PathLike) -> Optional[Golden]:
    """Return the golden frame of an ONNX file, or None."""
    text = _metadata(_parse(path), GOLDEN_KEY)
    return None if text is None else Golden.from_json(text)


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
    model: onnx.ModelProto, path: PathLike, spec: ModelSpec, golden: Optional[Golden]
) -> None:
    """
    Write an ONNX file of the contract; raise InvalidModelError for another graph.

    The specification and golden frame are set last because some graph libraries drop metadata.
    The given model is not changed.
    """
    path, copy = Path(path), onnx.ModelProto()
    copy.CopyFrom(model)
    check_opset(copy, path)
    _lower_ir(copy, path)
    check_graph(copy, spec, path)
    try:
        onnx.checker.check_model(copy)
    except ValidationError as error:
        raise InvalidModelError(path, one_line(error)) from error
    _set_metadata(copy, SPEC_KEY, spec.to_json())
    _set_metadata(copy, GOLDEN_KEY, golden.to_json() if golden else None)
    write_atomic(path, copy.SerializeToString(deterministic=True))


def _parse(path: PathLike) -> onnx.ModelProto:
    if not Path(path).is_file():
        raise FileMissingError(path, 'model')
    try:
        model = onnx.load_model_from_string(Path(path).read_bytes())
    except DecodeError as error:
        reason = 'it is truncated or no ONNX file; copy or export it again'
        raise InvalidModelError(path, reason) from error
    except OSError as error:
        reason = f'it cannot be read ({error.strerror}); check its permissions and its disk'
        raise InvalidModelError(path, reason) from error
    if not model.graph.node:
        raise InvalidModelError(path, 'it is empty or no ONNX file; copy or export it again')
    return model


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
