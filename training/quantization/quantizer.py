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

"""Make INT8 networks from a float network: fold, calibrate, compute scales, write Q/DQ pairs."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from swiftnet_ros.errors import InvalidModelError, UnknownNameError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.model_spec.qdq import is_quantized
from training.quantization.calibrate import CalibrationError, collect_statistics, Statistics
from training.quantization.calibration_images import NetworkInputs
from training.quantization.folding import fold_batch_norms, FoldedGraph
from training.quantization.histograms import Histogram, METHODS
from training.quantization.onnx_graph import convolutions, float_weight
from training.quantization.qdq_placement import place_pairs, Placement
from training.quantization.qdq_writer import WEIGHT_BITS, write_pairs

ACTIVATION_MAX = 127
_LISTED_CHANNELS = 8
_REMOVE_DEAD = "python -m training prune CHECKPOINT --ratios '{}' --multiple 1 -o OUT.pt"


class DeadChannelsError(InvalidModelError):
    """Output channels whose weights are all zero, and which therefore have no scale."""

    def __init__(self, path: object, layer: str, channels: Collection[int]) -> None:
        listed = ', '.join(str(channel) for channel in sorted(channels)[:_LISTED_CHANNELS])
        more = ', ...' if len(channels) > _LISTED_CHANNELS else ''
        super().__init__(
            path,
            f'layer {layer} has {len(channels)} dead channels ({listed}{more}), which have no '
            f'scale and cost time; remove them with: {_REMOVE_DEAD}, then export and quantize '
            'that',
        )


class Quantizer:
    """A folded float network from which INT8 networks are made; `layers` in topological order."""

    def __init__(self, folded: FoldedGraph, weight_bits: int = WEIGHT_BITS) -> None:
        self._folded = folded
        self._weight_bits = weight_bits
        self._graph = folded.model.graph
        self.layers = list(dict.fromkeys(folded.layers.values()))
        self._full_placement = place_pairs(self._graph, folded.layers)

    @property
    def activations(self) -> list[str]:
        """Return the names of all activations that any placement quantizes."""
        return list(self._full_placement.readers)

    def calibrate(self, images: NetworkInputs) -> None:
        """Collect the statistics of these activations."""
        model = ir.to_proto(self._folded.model)
        self.statistics = collect_statistics(model, self.activations, images)

    def placement(self, float_layers: Collection[str] = ()) -> Placement:
        """Return the Q/DQ placement of all layers except the given ones."""
        for name in float_layers:
            if name not in self.layers:
                raise UnknownNameError('layer', name, self.layers)
        quantized = [name for name in self.layers if name not in float_layers]
        return place_pairs(self._graph, self._folded.layers, quantized)

    def model(self, method: str, float_layers: Collection[str] = ()) -> onnx.ModelProto:
        """Return the INT8 network of a calibration method, with the given layers in float."""
        placement = self.placement(float_layers)
        scales = activation_scales(self.statistics, placement, method)
        means = {name: found.channel_means for name, found in self.statistics.items()}
        return write_pairs(self._folded.model, placement, scales, means, self._weight_bits)

    def scales(self, method: str) -> dict[str, float]:
        """Return the scale of every activation of the network without float layers."""
        return activation_scales(self.statistics, self._full_placement, method)


def activation_scales(
    statistics: Mapping[str, Statistics], placement: Placement, method: str
) -> dict[str, float]:
    """Return the scale of each activation of a placement; those that share one get the largest."""
    if method not in METHODS:
        raise UnknownNameError('method', method, METHODS)
    scales = {
        name: activation_scale(name, statistics[name].histogram, method)
        for name in placement.readers
    }
    shared: dict[str, float] = {}
    for name, leader in placement.leaders.items():
        shared[leader] = max(shared.get(leader, 0.0), scales[name])
    return {name: shared[leader] for name, leader in placement.leaders.items()}


def activation_scale(name: str, histogram: Histogram, method: str) -> float:
    """Return the scale of one activation, a float32; raise CalibrationError if it is 0."""
    scale = float(np.float32(METHODS[method](histogram) / ACTIVATION_MAX))
    if scale < np.finfo(np.float32).tiny:
        raise CalibrationError(
            f'tensor {name} is 0 on every image, so that it has no scale; calibrate with images '
            f'like those of the camera, or remove dead channels with: {_REMOVE_DEAD}'
        )
    return scale


def fold_for_quantization(model: onnx.ModelProto, spec: ModelSpec, path: Path) -> FoldedGraph:
    """Fold a float model; raise InvalidModelError if it is quantized or has dead channels."""
    already_int8 = is_quantized(model)
    if already_int8 or spec.precision != 'fp32':
        kind = 'int8' if already_int8 else spec.precision
        reason = f'it is {kind} already; quantize the original fp32 file'
        raise InvalidModelError(path, reason)
    folded = fold_batch_norms(model)
    if not folded.layers:
        raise InvalidModelError(path, 'it has no convolution with constant weights to quantize')
    for node in convolutions(folded.model.graph):
        _check_weight(float_weight(node.inputs[1]), folded.layers[node.name or ''], path)
    return folded


def _check_weight(weight: npt.NDArray[np.float32], layer: str, path: Path) -> None:
    """Raise InvalidModelError unless every output channel has a finite scale above 0."""
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    if not np.isfinite(largest).all():
        reason = f'the weights of layer {layer} are NaN or infinite; train or export it again'
        raise InvalidModelError(path, reason)
    # The scale, a fraction of it, must not be denormal.
    dead = np.flatnonzero(largest < np.finfo(np.float32).tiny * 127).tolist()
    if dead:
        raise DeadChannelsError(path, layer, dead)
