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

"""
Bias correction: subtract from a bias the mean by which rounded weights shift a channel's output.

Inputs after a ReLU are positive, so that the errors of a channel's weights do not cancel and its
output, and at the end a class, is too high or too low on every image. Nagel et al., "Data-Free
Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2, here with
the mean inputs of the calibration images.
"""

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from training.quantization.onnx_graph import add_weight, convolution_bias


def output_shift(
    error: npt.NDArray[np.float64], input_means: npt.NDArray[np.float64], groups: int
) -> npt.NDArray[np.float64]:
    """
    Return the mean shift [O] of a convolution's output channels; zero padding is ignored.

    `error` [O, I / groups, h, w] is what was added to the weights, `input_means` [I] the mean of
    each input channel.
    """
    means_of_groups = input_means.reshape(groups, -1)
    means = np.repeat(means_of_groups, len(error) // groups, axis=0)
    shift: npt.NDArray[np.float64] = (error.sum(axis=(2, 3)) * means).sum(axis=1)
    return shift


def correct_bias(
    graph: ir.Graph,
    convolution: ir.Node,
    error: npt.NDArray[np.float64],
    input_means: npt.NDArray[np.float64],
) -> None:
    """Replace the bias of a convolution by one that undoes the mean shift of its output."""
    groups = convolution.attributes['group'].as_int() if 'group' in convolution.attributes else 1
    bias = convolution_bias(convolution) - output_shift(error, input_means, groups)
    corrected = add_weight(graph, f'{convolution.name}/bias_corrected', bias.astype(np.float32))
    convolution.resize_inputs(3)
    convolution.replace_input_with(2, corrected)
