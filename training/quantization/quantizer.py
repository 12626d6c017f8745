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


"""A float network with its statistics, from which INT8 networks of any choice are made."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from swiftnet_ros.errors import InvalidModelError, UnknownNameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.model_spec.qdq import is_quantized
from training.quantization.calibrate import CalibrationError, collect, NamedInputs
from training.quantization.folding import fold, FoldedGraph
from training.quantization.histograms import Histogram, METHODS
from training.quantization.onnx_graph import convolutions, FloatArray, floats
from training.quantization.qdq_placement import place, Placement
from training.quantization.qdq_writer import WEIGHT_BITS, write_pairs

ACTIVATION_MAX = 127


def scale_table(
    statistics: Mapping[str, Histogram], placement: Placement, method: str
) -> dict[str, float]:
    """Give the step of every value that the placement names, equal where values share it."""
    if method not in METHODS:
        raise UnknownNameError('method', method, METHODS)
    steps = {name: step(name, statistics[name], method) for name in placement.readers}
    shared: dict[str, float] = {}
    for name, leader in placement.leaders.items():
        shared[leader] = max(shared.get(leader, 0.0), steps[name])
    return {name: shared[leader] for name, leader in placement.leaders.items()}


def step(name: str, histogram: Histogram, method: str) -> float:
    """Give the step of one value, a float32 above 0."""
    value = float(np.float32(METHODS[method](histogram) / ACTIVATION_MAX))
    if value < np.finfo(np.float32).tiny:
        raise CalibrationError(
            f'tensor {name} is 0 on every image, so that it has no scale; calibrate with images '
            'like those of the camera, or remove what is dead with: python -m training prune '
            "CHECKPOINT --ratios '{}' --multiple 1 -o OUT.pt"
        )
    return value


# How many channels a message lists.
_LISTED = 8


class DeadChannelsError(InvalidModelError):
    """Channels whose weights are all zero, and which therefore have no scale."""

    def __init__(self, path: object, layer: str, channels: Collection[int]) -> None:
        listed = ', '.join(str(channel) for channel in sorted(channels)[:_LISTED])
        more = ', ...' if len(channels) > _LISTED else ''
        super().__init__(
            path,
            f'layer {layer} has {len(channels)} dead channels ({listed}{more}), which have no '
            'scale and cost time; remove them with: python -m training prune CHECKPOINT '
            "--ratios '{}' --multiple 1 -o OUT.pt, then export and quantize that",
        )


class Quantizer:
    """What all candidates of one network have in common; `layers` in the order of computation."""

    def __init__(self, folded: FoldedGraph, weight_bits: int = WEIGHT_BITS) -> None:
        self._folded = folded
        self._weight_bits = weight_bits
        self._graph = folded.model.graph
        self.layers = list(dict.fromkeys(folded.layers.values()))
        self._everything = place(self._graph, folded.layers)

    def calibrate(self, images: NamedInputs) -> None:
        """Collect the statistics of every value that any candidate needs."""
        model = ir.to_proto(self._folded.model)
        self.statistics = collect(model, list(self._everything.readers), images)

    def placement(self, float_layers: Collection[str] = ()) -> Placement:
        """Place the pairs of all layers but the given ones."""
        for name in float_layers:
            if name not in self.layers:
                raise UnknownNameError('layer', name, self.layers)
        quantized = [name for name in self.layers if name not in float_layers]
        return place(self._graph, self._folded.layers, quantized)

    def model(self, method: str, float_layers: Collection[str] = ()) -> onnx.ModelProto:
        """Make the INT8 network of a method, with the given layers left in float."""
        placement = self.placement(float_layers)
        scales = scale_table(self.statistics, placement, method)
        return write_pairs(self._folded.model, placement, scales, self._weight_bits)

    def scales(self, method: str) -> dict[str, float]:
        """Give the step of every value, as a network without float layers has it."""
        return scale_table(self.statistics, self._everything, method)


def checked_source(model: onnx.ModelProto, spec: ModelSpec, path: Path) -> FoldedGraph:
    """Fold a model that can be quantized; refuse one that already is, or has dead channels."""
    already_int8 = is_quantized(model)
    if already_int8 or spec.precision != 'fp32':
        kind = 'int8' if already_int8 else spec.precision
        reason = f'it is {kind} already; quantize the fp32 file that it was made from'
        raise InvalidModelError(path, reason)
    folded = fold(model)
    if not folded.layers:
        raise InvalidModelError(path, 'it has no convolution with constant weights to quantize')
    for node in convolutions(folded.model.graph):
        _check_weights(floats(node.inputs[1]), folded.layers[node.name or ''], path)
    return folded


def _check_weights(weight: FloatArray, layer: str, path: Path) -> None:
    """Refuse weights from which no scale above 0 follows for every output channel."""
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    if not np.isfinite(largest).all():
        reason = f'the weights of layer {layer} are NaN or infinite; train or export it again'
        raise InvalidModelError(path, reason)
    # The scale, a fraction of it, has to be a normal number too.
    dead = np.flatnonzero(largest < np.finfo(np.float32).tiny * 127).tolist()
    if dead:
        raise DeadChannelsError(path, layer, dead)
