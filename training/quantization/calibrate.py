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


"""Run a float graph over the calibration images and keep statistics of its values, no values."""

from collections.abc import Iterator, Mapping, Sequence
import math
import os
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import openvino
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.errors import SwiftnetError
from tqdm import tqdm
from training.quantization.histograms import Histogram, observe

# Bytes of values that one pass keeps; a larger network takes several passes.
PASS_BYTES = 2**29


class NamedInputs(Protocol):
    """Pictures as the network takes them: their names and uint8 [1, H, W, 3], again and again."""

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
        """Give the pictures from the first on."""

    def __len__(self) -> int:
        """Count the pictures."""


class CalibrationError(SwiftnetError):
    """Calibration that cannot give ranges."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'calibration: {reason}')


def collect(
    model: onnx.ModelProto, values: Sequence[str], images: NamedInputs
) -> dict[str, Histogram]:
    """
    Give the statistics of the named float values over all images.

    OpenVINO runs the graph in FP32 and writes each value into memory that the next image
    overwrites: what is needed does not grow with the number of images. It does with their size,
    and is limited by running the graph once for every `PASS_BYTES` of values.
    """
    if not len(images):
        raise CalibrationError('there are no images; give at least one')
    graph = _with_outputs(model, values)
    found: dict[str, Histogram] = {}
    for outputs in _passes(graph, set(values)):
        request = _compile(graph, outputs).create_infer_request()
        for name, image in tqdm(images, 'calibrate', disable=None):
            request.infer([image], share_inputs=True)
            for index, value in enumerate(outputs):
                array = request.get_output_tensor(index).data
                _refuse_wild(array, value, name)
                found[value] = observe(found.get(value), array)
    return found


def _with_outputs(model: onnx.ModelProto, values: Sequence[str]) -> openvino.Model:
    """Read a graph that gives the named values beside its logits."""
    graph = openvino_core().read_model(model.SerializeToString(), b'')
    present = {name for output in graph.outputs for name in output.names}
    graph.add_outputs([value for value in values if value not in present])
    return graph


def _passes(graph: openvino.Model, values: set[str]) -> list[dict[str, openvino.Node]]:
    """Share the values out, in the order of computation, among as few passes as memory allows."""
    passes: list[dict[str, openvino.Node]] = []
    left = 0
    for output in graph.outputs:
        size = 4 * int(np.prod(output.shape))
        for value in sorted(output.names & values):
            if size > left:
                passes.append({})
                left = PASS_BYTES
            passes[-1][value] = output.node
            left -= size
    return passes


def _compile(graph: openvino.Model, outputs: Mapping[str, openvino.Node]) -> Any:
    """Compile what a graph computes for some of its outputs."""
    part = openvino.Model(list(outputs.values()), graph.get_parameters())
    options = {
        'INFERENCE_PRECISION_HINT': 'f32',
        'INFERENCE_NUM_THREADS': str(len(os.sched_getaffinity(0))),
    }
    return openvino_core().compile_model(part, 'CPU', options)


def _refuse_wild(array: npt.NDArray[np.float32], value: str, image: str) -> None:
    """Refuse infinite values and such as are no numbers."""
    # Both ends of a range with a NaN in it are NaN.
    if not (math.isfinite(array.min()) and math.isfinite(array.max())):
        raise CalibrationError(
            f'tensor {value} is NaN or infinite on image {image}; the network is damaged or its '
            'training diverged, train or export it again'
        )
