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

"""ONNX files that carry their model specification: read, check against the graph, write."""

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
    """Read an ONNX file whole, with weights that lie in a file beside it."""
    model = _parse(path)
    try:
        load_external_data_for_model(model, str(Path(path).parent))
    except (OSError, ValueError, ValidationError) as error:
        reason = f'its weights in another file cannot be read ({one_line(error)})'
        raise InvalidModelError(path, reason) from error
    return model


def read_spec(path: PathLike) -> ModelSpec:
    """Read the specification of an ONNX file and check that its graph keeps it."""
    model = _parse(path)
    if any(uses_external_data(weights) for weights in model.graph.initializer):
        raise InvalidModelError(path, 'its weights lie in another file; save it as one file')
    text = _metadata(model, SPEC_KEY)
    if text is None:
        raise MissingSpecError(path)
    spec = ModelSpec.from_json(text)
    check_graph(model, spec, path)
    return spec


def read_golden(path: PathLike) -> Optional[Golden]:
    """Read the golden frame of an ONNX file, None where it has none."""
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


def write(
    model: onnx.ModelProto, path: PathLike, spec: ModelSpec, golden: Optional[Golden]
) -> None:
    """
    Write an ONNX file that keeps the contract, or none at all.

    The specification and golden frame are set last, since some graph libraries drop metadata.
    The model itself is left as it is.
    """
    path, ours = Path(path), onnx.ModelProto()
    ours.CopyFrom(model)
    check_opset(ours, path)
    _lower_ir(ours, path)
    check_graph(ours, spec, path)
    try:
        onnx.checker.check_model(ours)
    except ValidationError as error:
        raise InvalidModelError(path, one_line(error)) from error
    _set_metadata(ours, SPEC_KEY, spec.to_json())
    _set_metadata(ours, GOLDEN_KEY, golden.to_json() if golden else None)
    write_atomic(path, ours.SerializeToString(deterministic=True))


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
    """Hold a model to IR 8, which TensorRT 8.5 reads, unless it needs a newer one."""
    newest = max((weights.data_type for weights in model.graph.initializer), default=0)
    if newest >= _FIRST_NEW_TYPE:
        name = onnx.TensorProto.DataType.Name(newest)
        raise InvalidModelError(
            path, f'it holds weights of type {name}, which IR {IR_VERSION} lacks'
        )
    model.ir_version = min(model.ir_version, IR_VERSION)
