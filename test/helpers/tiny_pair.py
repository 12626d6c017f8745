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

"""A network of one convolution as fp32, fp16 and int8 files, with INT8 calibration tables."""

import json
from pathlib import Path
import struct
from typing import Any, List

from helpers.tiny_model import make_model, make_spec
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from swiftnet_ros.model_spec import ModelSpec, write_model

HEIGHT, WIDTH, STRIDE, CLASSES = 32, 64, 8, 3
SCALE = 2.0


def write_files(folder: Path, name: str = 'tiny') -> Path:
    """Write NAME.fp32.onnx, .fp16.onnx and .int8.onnx with its tables; return the fp32 path."""
    for precision in ('fp32', 'fp16', 'int8'):
        path = folder / f'{name}.{precision}.onnx'
        write_model(_model(precision), path, spec(precision), None)
    table = dict.fromkeys(('float', 'planes', 'logits'), SCALE)
    lines = [f'{name}: {struct.pack(">f", scale).hex()}' for name, scale in table.items()]
    cache = '\n'.join(['TRT-8502-EntropyCalibration2', *lines, ''])
    (folder / f'{name}.int8.calibration').write_text(cache)
    ranges = {name: [-127 * scale, 127 * scale] for name, scale in table.items()}
    (folder / f'{name}.int8.ranges.json').write_text(json.dumps(ranges))
    return folder / f'{name}.fp32.onnx'


def write_with_operator(path: Path, operator: str) -> Path:
    """Write a file with an additional operator between its image and its logits."""
    model = _model('fp32')
    model.graph.node.insert(1, helper.make_node(operator, ['float'], ['unused'], 'the_odd_one'))
    write_model(model, path, spec('fp32'), None)
    return path


def spec(precision: str) -> ModelSpec:
    """Return the specification."""
    return make_spec(
        class_count=CLASSES,
        ignored_source_ids=(),
        input_height=HEIGHT,
        input_width=WIDTH,
        output_stride=STRIDE,
        precision=precision,
        widths={},
        calibration={'method': 'max'} if precision == 'int8' else None,
    )


def _model(precision: str) -> onnx.ModelProto:
    kind = TensorProto.FLOAT16 if precision == 'fp16' else TensorProto.FLOAT
    nodes = [
        helper.make_node('Cast', ['image'], ['float'], 'to_float', to=kind),
        helper.make_node('Transpose', ['float'], ['planes'], 'to_planes', perm=[0, 3, 1, 2]),
        *_head(precision),
    ]
    image = ('image', TensorProto.UINT8, [1, HEIGHT, WIDTH, 3])
    logits = ('logits', TensorProto.FLOAT, [1, CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE])
    weights = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in _weights(precision)
    ]
    return make_model(nodes, [image], [logits], weights)


def _head(precision: str) -> List[onnx.NodeProto]:
    def convolution(data: str, weight: str, output: str) -> onnx.NodeProto:
        names = [data, weight, 'bias']
        return helper.make_node('Conv', names, [output], 'head', strides=[STRIDE] * 2)

    if precision == 'fp32':
        return [convolution('planes', 'weight', 'logits')]
    if precision == 'fp16':
        cast = helper.make_node('Cast', ['half'], ['logits'], 'to_logits', to=TensorProto.FLOAT)
        return [convolution('planes', 'weight', 'half'), cast]
    constants = ['scale', 'zero']
    return [
        helper.make_node('QuantizeLinear', ['planes', *constants], ['planes_q'], 'Q'),
        helper.make_node('DequantizeLinear', ['planes_q', *constants], ['planes_d'], 'DQ'),
        helper.make_node(
            'DequantizeLinear', ['weight', 'scales', 'zeros'], ['weight_d'], 'WDQ', axis=0
        ),
        convolution('planes_d', 'weight_d', 'logits'),
    ]


def _weights(precision: str) -> Any:
    random = np.random.default_rng(0)
    steps = random.integers(-127, 128, (CLASSES, 3, STRIDE, STRIDE)).astype(np.int8)
    kind = np.float16 if precision == 'fp16' else np.float32
    yield 'bias', np.arange(CLASSES).astype(kind)
    if precision != 'int8':
        yield 'weight', (steps * 1e-4).astype(kind)
        return
    yield 'weight', steps
    yield 'scales', np.full(CLASSES, 1e-4, np.float32)
    yield 'zeros', np.zeros(CLASSES, np.int8)
    yield 'scale', np.float32(SCALE)
    yield 'zero', np.int8(0)
