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

from pathlib import Path
from typing import Sequence, Tuple

import numpy as np
from onnx import helper, numpy_helper, TensorProto
from swiftnet_ros.model_spec import ModelSpec, SemanticClass, unlabeled_id_for, write_model
from swiftnet_ros.model_spec.contract import OPSET

COLORS = ((250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250), (5, 5, 5))


def write_tiny_model(
    path: Path,
    colors: Sequence[Tuple[int, int, int]] = COLORS,
    height: int = 48,
    width: int = 64,
    stride: int = 8,
    ignored_source_ids: Tuple[int, ...] = (),
) -> ModelSpec:
    """Write an ONNX file whose logits decrease with the squared distance to the class colors."""
    spec = ModelSpec(
        name='tiny',
        classes=tuple(SemanticClass(f'class{i}', rgb) for i, rgb in enumerate(colors)),
        unlabeled_id=unlabeled_id_for(len(colors)),
        ignored_source_ids=ignored_source_ids,
        input_height=height,
        input_width=width,
        output_stride=stride,
        fit='stretch',
        precision='fp32',
        trained_on='nothing',
        miou=None,
        widths={},
        calibration=None,
    )
    graph = helper.make_graph(
        [
            helper.make_node('Cast', ['image'], ['float'], to=TensorProto.FLOAT),
            helper.make_node('Transpose', ['float'], ['planes'], perm=[0, 3, 1, 2]),
            helper.make_node(
                'AveragePool',
                ['planes'],
                ['cells'],
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            ),
            helper.make_node('Conv', ['cells', 'weight', 'bias'], ['logits']),
        ],
        'tiny',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, height, width, 3])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, [1, *spec.logits_shape])],
        _nearest_color(np.asarray(colors, np.float32)),
    )
    opset = [helper.make_opsetid('', OPSET)]
    write_model(helper.make_model(graph, opset_imports=opset), path, spec, None)
    return spec


def _nearest_color(colors: np.ndarray) -> list:
    """Return weight and bias of (2 c.x - c.c) / 255, which is largest for the nearest color c."""
    weight = (2 / 255 * colors)[:, :, np.newaxis, np.newaxis]
    bias = -(colors**2).sum(axis=1) / 255
    return [
        numpy_helper.from_array(weight.astype(np.float32), 'weight'),
        numpy_helper.from_array(bias.astype(np.float32), 'bias'),
    ]
