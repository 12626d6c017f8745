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

"""Adapt a foreign ONNX graph to the contract: uint8 pixels in, logits out."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from onnx.compose import add_prefix
from onnx.shape_inference import infer_shapes, InferenceError
from swiftnet_ros.errors import InvalidModelError, InvalidValueError
from swiftnet_ros.model_spec.contract import (
    check_logits,
    Edge,
    INPUT_NAME,
    inputs,
    OUTPUT_NAME,
    outputs,
)
from swiftnet_ros.model_spec.qdq import is_quantized
from swiftnet_ros.model_spec.spec import ModelSpec, SemanticClass
from swiftnet_ros.system.image_size import format_size
from swiftnet_ros.text import one_line

_PREFIX = 'network/'
ChannelValues = Tuple[float, ...]


@dataclass(frozen=True)
class Normalization:
    """Normalization of the training images: (pixel / 255 - mean) / std for R, G and B."""

    mean: ChannelValues
    std: ChannelValues

    def __post_init__(self) -> None:
        """Raise InvalidValueError for a std of 0 and for values that are not fractions."""
        if len(self.mean) != 3 or not all(0.0 <= value <= 1.0 for value in self.mean):
            raise InvalidValueError('--mean', self.mean, 'three fractions from 0 to 1')
        if len(self.std) != 3 or not all(0.0 < value <= 1.0 for value in self.std):
            raise InvalidValueError('--std', self.std, 'three fractions above 0 and up to 1')


def wrap(
    model: onnx.ModelProto,
    path: object,
    normalization: Optional[Normalization] = None,
    size: Optional[Tuple[int, int]] = None,
) -> onnx.ModelProto:
    """
    Return a model with the contract's input and output; `path` is named in errors.

    A graph with a uint8 input is returned as it is. To one with a float input [1, 3, H, W], the
    cast, transposition and normalization are added; `size` (H, W) sets dynamic dimensions.
    """
    image, _ = _only(path, 'input', inputs(model)), _only(path, 'output', outputs(model))
    if image.data_type == TensorProto.UINT8:
        if normalization or size:
            reason = 'its input is uint8 already; remove --mean, --std and --size'
            raise InvalidModelError(path, reason)
        return model
    height, width = _float_size(path, image, size)
    if normalization is None:
        reason = 'its input is normalized; give the --mean and --std it was trained with'
        raise InvalidModelError(path, reason)
    inner = add_prefix(model, _PREFIX)
    _fix_size(inner, _PREFIX + image.name, (1, 3, height, width))
    return _with_edges(inner, path, normalization, (height, width))


def spec_for(
    model: onnx.ModelProto,
    path: object,
    name: str,
    classes: Tuple[SemanticClass, ...],
    unlabeled_id: int,
    trained_on: str,
) -> ModelSpec:
    """Return the specification of a graph of the contract."""
    check_logits(model, len(classes), path)
    image, logits = inputs(model)[0], outputs(model)[0]
    if len(image.shape) != 4 or len(logits.shape) != 4 or 0 in image.shape + logits.shape:
        reason = f'its sizes are dynamic: {image} to {logits}; export it with fixed sizes'
        raise InvalidModelError(path, reason)
    return ModelSpec(
        name=name,
        classes=classes,
        unlabeled_id=unlabeled_id,
        ignored_source_ids=(),
        input_height=image.shape[1],
        input_width=image.shape[2],
        output_stride=image.shape[1] // logits.shape[2],
        fit='stretch',
        precision=_precision(model),
        trained_on=trained_on,
        miou=None,
        widths={},
        calibration=None,
    )


def _only(path: object, what: str, edges: List[Edge]) -> Edge:
    if len(edges) != 1:
        found = ' and '.join(str(edge) for edge in edges) or 'none'
        raise InvalidModelError(path, f'it has {len(edges)} {what}s ({found}), expected one')
    return edges[0]


def _float_size(path: object, image: Edge, size: Optional[Tuple[int, int]]) -> Tuple[int, int]:
    """Return height and width of a float input, from the graph or `size`."""
    if (
        image.data_type != TensorProto.FLOAT
        or len(image.shape) != 4
        or image.shape[0] not in (0, 1)
        or image.shape[1] != 3
    ):
        raise InvalidModelError(
            path, f'its input is {image}, expected float [1, 3, H, W] or uint8 [1, H, W, 3]'
        )
    height, width = size or image.shape[2:]
    if (image.shape[2] or height, image.shape[3] or width) != (height, width):
        raise InvalidModelError(path, f'its input is {image}, which --size cannot change')
    if 0 in (height, width):
        raise InvalidModelError(path, f'its input {image} has a dynamic size; give --size')
    return height, width


def _fix_size(model: onnx.ModelProto, name: str, shape: Tuple[int, ...]) -> None:
    """Set the shape of the input and remove the shapes that were inferred from it."""
    image = next(value for value in model.graph.input if value.name == name)
    image.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField('shape')


def _with_edges(
    model: onnx.ModelProto, path: object, normalization: Normalization, size: Tuple[int, int]
) -> onnx.ModelProto:
    """Add the contract's input with normalization, and its output, to a graph."""
    graph, inner = model.graph, inputs(model)[0].name
    nodes = [
        helper.make_node('Cast', [INPUT_NAME], ['float_image'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['float_image'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Sub', ['planes', 'mean'], ['centered']),
        helper.make_node('Div', ['centered', 'std'], [inner]),
        *graph.node,
        helper.make_node('Identity', [graph.output[0].name], [OUTPUT_NAME]),
    ]
    weights = [
        *graph.initializer,
        _per_channel('mean', normalization.mean),
        _per_channel('std', normalization.std),
    ]
    image = helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, [1, *size, 3])
    logits = onnx.ValueInfoProto(name=OUTPUT_NAME, type=graph.output[0].type)
    outer = helper.make_graph(nodes, graph.name, [image], [logits], weights)
    outer.sparse_initializer.extend(graph.sparse_initializer)
    outer.quantization_annotation.extend(graph.quantization_annotation)
    model.graph.CopyFrom(outer)
    # Before IR 4 weights had to be inputs too; here they are not.
    model.ir_version = max(model.ir_version, 4)
    try:
        return infer_shapes(model, strict_mode=True, data_prop=True)
    except InferenceError as error:
        reason = f'shapes cannot be inferred at {format_size(size)} ({one_line(error)})'
        raise InvalidModelError(path, reason) from error


def _per_channel(name: str, values: ChannelValues) -> TensorProto:
    """Return a constant [1, 3, 1, 1] in units of pixel values, 0 to 255."""
    array = 255.0 * np.asarray(values, np.float64).reshape(1, 3, 1, 1)
    return numpy_helper.from_array(array.astype(np.float32), name)


def _precision(model: onnx.ModelProto) -> str:
    if is_quantized(model):
        return 'int8'
    kinds = {weights.data_type for weights in model.graph.initializer}
    return 'fp16' if TensorProto.FLOAT16 in kinds else 'fp32'
