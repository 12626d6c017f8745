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

"""Run a float graph on the calibration images and collect statistics of its activations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from swiftnet_ros.backends.openvino.engine import openvino, openvino_core
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.system.progress import progress
from training.quantization.calibration_images import NetworkInputs
from training.quantization.histograms import Histogram, observe

PASS_BYTES = 2**29


class CalibrationError(SwiftnetError):
    """Calibration failed to find a usable range."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'calibration: {reason}')


@dataclass(frozen=True)
class Statistics:
    """A tensor [N, C, ...] over all images: its histogram, and the mean [C] of each channel."""

    histogram: Histogram
    channel_means: npt.NDArray[np.float64]


def collect_statistics(
    model: onnx.ModelProto, tensors: Sequence[str], images: NetworkInputs
) -> dict[str, Statistics]:
    """
    Return the statistics over all images of each of the named float tensors.

    OpenVINO runs the graph in FP32 and overwrites its outputs with every image, so that memory
    does not grow with the number of images. It grows with their size, and is limited by one run
    of the graph for every `PASS_BYTES` of tensors.
    """
    if not len(images):
        raise CalibrationError('there are no images; pass at least one')
    with library_errors(lambda reason: CalibrationError(f'OpenVINO cannot read it: {reason}')):
        graph = _with_outputs(model, tensors)
    histograms: dict[str, Histogram] = {}
    sums: dict[str, npt.NDArray[np.float64]] = {}
    passes = _split_into_passes(graph, set(tensors))
    for number, outputs in enumerate(passes, 1):
        with library_errors(lambda reason: CalibrationError(f'OpenVINO cannot run it: {reason}')):
            request = _compile(graph, outputs).create_infer_request()
        for name, image in progress(images, f'calibrate {number} of {len(passes)}'):
            request.infer([image], share_inputs=True)
            for index, tensor in enumerate(outputs):
                values = request.get_output_tensor(index).data
                _check_finite(values, tensor, name)
                histograms[tensor] = observe(histograms.get(tensor), values)
                means = values.mean(axis=(0, *range(2, values.ndim)), dtype=np.float64)
                sums[tensor] = sums[tensor] + means if tensor in sums else means
    return {name: Statistics(histograms[name], sums[name] / len(images)) for name in histograms}


def _with_outputs(model: onnx.ModelProto, tensors: Sequence[str]) -> openvino.Model:
    """Return a graph that outputs the named tensors next to its logits."""
    graph = openvino_core().read_model(model.SerializeToString(), b'')
    present = {name for output in graph.outputs for name in output.names}
    graph.add_outputs([tensor for tensor in tensors if tensor not in present])
    return graph


def _split_into_passes(graph: openvino.Model, tensors: set[str]) -> list[dict[str, openvino.Node]]:
    """Distribute the tensors, in topological order, over as few passes as memory allows."""
    passes: list[dict[str, openvino.Node]] = []
    free = 0
    for output in graph.outputs:
        size = 4 * int(np.prod(output.shape))
        for tensor in sorted(output.names & tensors):
            if size > free:
                passes.append({})
                free = PASS_BYTES
            passes[-1][tensor] = output.node
            free -= size
    return passes


def _compile(graph: openvino.Model, outputs: Mapping[str, openvino.Node]) -> Any:
    """Compile the subgraph that computes some of the outputs."""
    subgraph = openvino.Model(list(outputs.values()), graph.get_parameters())
    options = {
        'INFERENCE_PRECISION_HINT': 'f32',
        'INFERENCE_NUM_THREADS': str(len(os.sched_getaffinity(0))),
    }
    return openvino_core().compile_model(subgraph, 'CPU', options)


def _check_finite(values: npt.NDArray[np.float32], tensor: str, image: str) -> None:
    """Raise CalibrationError if a value is NaN or infinite."""
    # The minimum and maximum of an array with a NaN are NaN.
    if not (math.isfinite(values.min()) and math.isfinite(values.max())):
        raise CalibrationError(
            f'tensor {tensor} is NaN or infinite on image {image}; the network is damaged or its '
            'training diverged, train or export it again'
        )
