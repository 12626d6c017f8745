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


"""A network of three convolutions in every precision, and its labels computed by NumPy alone."""

from pathlib import Path
import struct
from typing import Any, Dict, List, NamedTuple, Tuple

from helpers.tiny_model import COLORS, make_model, make_spec
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.labels import from_logits, Segmentation
from swiftnet_ros.model_spec import Golden, SemanticClass, write_model

HEIGHT, WIDTH, STRIDE, CHANNELS = 96, 128, 4, 16
_KINDS = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}
# Of the images: from 0 to 255 in float.
_STEPS = 127


class Layer(NamedTuple):
    """A convolution, followed by a ReLU unless it is the last; `weight` is [O, I, k, k]."""

    name: str
    data: str
    output: str
    weight: Any
    bias: Any
    stride: int


def write_gpu_pair(folder: Path, name: str = 'three') -> Path:
    """Write NAME.fp32.onnx, .fp16.onnx, .int8.onnx and .int8.calibration; return the first."""
    frame = blocks(HEIGHT, WIDTH, seed=9)
    golden = Golden(frame, expected(frame).labels)
    scales = _scales(frame)
    for precision in ('fp32', 'fp16', 'int8'):
        path = folder / f'{name}.{precision}.onnx'
        record = {'method': 'max', 'count': 1, 'seed': 0} if precision == 'int8' else None
        spec = make_spec(
            name=name,
            classes=tuple(SemanticClass(f'class{i}', rgb) for i, rgb in enumerate(COLORS)),
            input_height=HEIGHT,
            input_width=WIDTH,
            output_stride=STRIDE,
            precision=precision,
            ignored_source_ids=(),
            widths={},
            calibration=record,
        )
        write_model(_model(precision, scales), path, spec, golden)
    lines = [f'{tensor}: {struct.pack(">f", scale).hex()}' for tensor, scale in scales.items()]
    table = folder / f'{name}.int8.calibration'
    table.write_text('\n'.join(['TRT-8502-EntropyCalibration2', *lines, '']))
    return folder / f'{name}.fp32.onnx'


def blocks(height: int, width: int, seed: int = 0) -> Any:
    """Return an RGB image, uint8 [height, width, 3], of large noisy blocks in the colors."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, len(COLORS), (-(-height // 24), -(-width // 32)))
    ids = np.repeat(np.repeat(ids, 24, axis=0), 32, axis=1)[:height, :width]
    noise = random.normal(0.0, 4.0, (height, width, 3))
    return np.clip(np.asarray(COLORS)[ids] + noise, 0, 255).astype(np.uint8)


def expected(frame: Any, order: str = 'rgb', size: Any = None) -> Segmentation:
    """Return labels and confidence of the FP32 network, by NumPy and core.labels."""
    given = Frame(frame, order)
    logits = _forward(to_network_input(given, HEIGHT, WIDTH))['logits']
    return from_logits(logits, *(size or (given.height, given.width)), True)


def agreement(result: Segmentation, other: Segmentation) -> float:
    """Return the fraction of equal labels; their shapes and types must be equal."""
    assert result.labels.shape == other.labels.shape
    assert result.labels.dtype == other.labels.dtype
    return float(np.mean(result.labels == other.labels))


def _layers() -> List[Layer]:
    """
    Return the layers: the first averages colors into three of its channels, which others pass on.

    The other channels are random and have small weights in the last layer, which is the nearest
    color, so that the labels are sure inside of a block.
    """
    random = np.random.default_rng(3)
    first = random.normal(0.0, 0.1, (CHANNELS, 3, 4, 4))
    first[:3] = np.eye(3)[:, :, None, None] / 16
    second = random.normal(0.0, 0.05, (CHANNELS, CHANNELS, 3, 3))
    second[:3] = 0.0
    second[:3, :3, 1, 1] = np.eye(3)
    colors = np.asarray(COLORS) / 255
    last = random.normal(0.0, 0.01, (len(COLORS), CHANNELS, 1, 1))
    last[:, :3, 0, 0] = 8 * 2 * colors
    zeros = np.zeros(CHANNELS)
    bias = -8 * (colors**2).sum(axis=1)
    return [
        Layer('first', 'scaled', 'one', first, zeros, STRIDE),
        Layer('second', 'one_relu', 'two', second, zeros, 1),
        Layer('last', 'two_relu', 'logits', last, bias, 1),
    ]


def _forward(image: Any) -> Dict[str, Any]:
    """Return every tensor [C, h, w] of the FP32 network for uint8 [1, H, W, 3]."""
    tensors = {'float': image[0].transpose(2, 0, 1).astype(np.float32)}
    tensors['planes'] = tensors['float']
    tensors['scaled'] = tensors['planes'] * np.float32(1 / 255)
    for layer in _layers():
        tensors[layer.output] = _convolve(tensors[layer.data], layer)
        tensors[f'{layer.output}_relu'] = np.maximum(tensors[layer.output], 0)
    return tensors


def _convolve(data: Any, layer: Layer) -> Any:
    kernel, padding = layer.weight.shape[-1], _padding(layer)
    padded = np.pad(data, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))
    windows = windows[:, :: layer.stride, :: layer.stride]
    weight = layer.weight.astype(np.float32)
    result = np.einsum('ihwyx,oiyx->ohw', windows, weight, optimize=True)
    return (result + layer.bias.astype(np.float32)[:, None, None]).astype(np.float32)


def _padding(layer: Layer) -> int:
    return 1 if layer.weight.shape[-1] == 3 else 0


def _scales(frame: Any) -> Dict[str, float]:
    """Return the scale of each tensor: its largest absolute value is 127 steps."""
    tensors = _forward(to_network_input(Frame(frame), HEIGHT, WIDTH))
    names = ('float', 'planes', 'scaled', 'one', 'one_relu', 'two', 'two_relu', 'logits')
    return {name: float(np.abs(tensors[name]).max()) / _STEPS for name in names}


def _model(precision: str, scales: Dict[str, float]) -> onnx.ModelProto:
    kind = np.float16 if precision == 'fp16' else np.float32
    nodes = [
        helper.make_node('Cast', ['image'], ['float'], 'to_float', to=_KINDS[kind]),
        helper.make_node('Transpose', ['float'], ['planes'], 'to_planes', perm=[0, 3, 1, 2]),
        helper.make_node('Mul', ['planes', 'factor'], ['scaled'], 'to_one'),
    ]
    constants: Dict[str, Any] = {'factor': np.asarray(1 / 255, kind)}
    for layer in _layers():
        add = _quantized_layer if precision == 'int8' else _float_layer
        added, more = add(layer, kind, scales)
        nodes += added
        constants.update(more)
    if precision == 'fp16':
        nodes[-1].output[0] = 'half'
        cast = helper.make_node('Cast', ['half'], ['logits'], 'to_logits', to=TensorProto.FLOAT)
        nodes.append(cast)
    image = ('image', TensorProto.UINT8, [1, HEIGHT, WIDTH, 3])
    shape = [1, len(COLORS), HEIGHT // STRIDE, WIDTH // STRIDE]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return make_model(nodes, [image], [('logits', TensorProto.FLOAT, shape)], weights)


def _float_layer(
    layer: Layer, kind: Any, scales: Dict[str, float]
) -> Tuple[List[onnx.NodeProto], Dict[str, Any]]:
    weight, bias = f'{layer.name}_weight', f'{layer.name}_bias'
    constants = {weight: layer.weight.astype(kind), bias: layer.bias.astype(kind)}
    return _convolution(layer, [layer.data, weight, bias]), constants


def _quantized_layer(
    layer: Layer, kind: Any, scales: Dict[str, float]
) -> Tuple[List[onnx.NodeProto], Dict[str, Any]]:
    """Return a convolution that reads its data and its int8 weights through Q/DQ pairs."""
    data, name = layer.data, layer.name
    steps = np.abs(layer.weight).reshape(len(layer.weight), -1).max(axis=1) / _STEPS
    weight = np.rint(layer.weight / steps[:, None, None, None])
    constants = {
        f'{data}_scale': np.float32(scales[data]),
        f'{data}_zero': np.int8(0),
        f'{name}_weight': weight.astype(np.int8),
        f'{name}_scales': steps.astype(np.float32),
        f'{name}_zeros': np.zeros(len(steps), np.int8),
        f'{name}_bias': layer.bias.astype(np.float32),
    }
    of_data, of_weight = [f'{data}_scale', f'{data}_zero'], [f'{name}_scales', f'{name}_zeros']
    nodes = [
        helper.make_node('QuantizeLinear', [data, *of_data], [f'{data}_q'], f'{data}_Q'),
        helper.make_node('DequantizeLinear', [f'{data}_q', *of_data], [f'{data}_d'], f'{data}_DQ'),
        helper.make_node(
            'DequantizeLinear', [f'{name}_weight', *of_weight], [f'{name}_d'], f'{name}_DQ', axis=0
        ),
    ]
    reads = [f'{data}_d', f'{name}_d', f'{name}_bias']
    return nodes + _convolution(layer, reads), constants


def _convolution(layer: Layer, reads: List[str]) -> List[onnx.NodeProto]:
    options = {'strides': [layer.stride] * 2, 'pads': [_padding(layer)] * 4}
    nodes = [helper.make_node('Conv', reads, [layer.output], layer.name, **options)]
    if layer.output != 'logits':
        relu = f'{layer.output}_relu'
        nodes.append(helper.make_node('Relu', [layer.output], [relu], relu))
    return nodes
