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

"""A tiny network that predicts the class of the nearest color for each cell."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Sequence, Tuple

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from swiftnet_ros.model_spec import (
    Golden,
    ModelSpec,
    read_model,
    SemanticClass,
    unlabeled_id_for,
    write_model,
)
from swiftnet_ros.model_spec.contract import IR_VERSION, OPSET

COLORS = ((250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250), (5, 5, 5))


def make_spec(**changes: Any) -> ModelSpec:
    """Return the specification of a tiny model with some fields changed."""
    classes = changes.pop('class_count', 5)
    values = {
        'name': 'tiny',
        'classes': tuple(SemanticClass(f'class {i}', (i % 256, 2, 3)) for i in range(classes)),
        'unlabeled_id': 255 if classes <= 255 else 65535,
        'ignored_source_ids': (11,),
        'input_height': 48,
        'input_width': 64,
        'output_stride': 4,
        'fit': 'stretch',
        'precision': 'fp32',
        'trained_on': 'noise',
        'miou': 0.5,
        'widths': {'stem': 5},
        'calibration': None,
    }
    values.update(changes)
    return ModelSpec(**values)


def make_model(nodes: Any, inputs: Any, outputs: Any, initializers: Any) -> onnx.ModelProto:
    """Return a model; inputs and outputs are (name, type, shape)."""
    image, logits = (
        [helper.make_tensor_value_info(*edge) for edge in edges] for edges in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, 'tiny', image, logits, initializers)
    opset = helper.make_opsetid('', OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def write_tiny_model(
    path: Path,
    colors: Sequence[Tuple[int, int, int]] = COLORS,
    height: int = 48,
    width: int = 64,
    stride: int = 8,
    ignored_source_ids: Tuple[int, ...] = (),
) -> ModelSpec:
    """Write an ONNX file whose logits decrease with the squared distance to the class colors."""
    spec = make_spec(
        classes=tuple(SemanticClass(f'class{i}', rgb) for i, rgb in enumerate(colors)),
        unlabeled_id=unlabeled_id_for(len(colors)),
        ignored_source_ids=ignored_source_ids,
        input_height=height,
        input_width=width,
        output_stride=stride,
        trained_on='nothing',
        miou=None,
        widths={},
    )
    cell = {'kernel_shape': [stride] * 2, 'strides': [stride] * 2}
    nodes = [
        helper.make_node('Cast', ['image'], ['float'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['float'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('AveragePool', ['planes'], ['cells'], **cell),
        helper.make_node('Conv', ['cells', 'weight', 'bias'], ['logits']),
    ]
    image = ('image', TensorProto.UINT8, [1, height, width, 3])
    logits = ('logits', TensorProto.FLOAT, [1, *spec.logits_shape])
    weights = _nearest_color(np.asarray(colors, np.float32))
    write_model(make_model(nodes, [image], [logits], weights), path, spec, None)
    return spec


def write_golden_model(path: Path, wrong: int = 0, class_id: int = 3, **changes: Any) -> Path:
    """Write a tiny model that fails to predict `wrong` of its 100 golden labels."""
    spec = replace(write_tiny_model(path), **changes)
    labels = np.full((10, 10), class_id, np.uint8)
    labels.flat[:wrong] = 1
    golden = Golden(np.full((10, 10, 3), spec.colors[class_id], np.uint8), labels)
    write_model(read_model(path), path, spec, golden)
    return path


def _nearest_color(colors: np.ndarray) -> list:
    """Return weight and bias of (2 c.x - c.c) / 255, which is largest for the nearest color c."""
    weight = (2 / 255 * colors)[:, :, np.newaxis, np.newaxis]
    bias = -(colors**2).sum(axis=1) / 255
    return [
        numpy_helper.from_array(weight.astype(np.float32), 'weight'),
        numpy_helper.from_array(bias.astype(np.float32), 'bias'),
    ]
