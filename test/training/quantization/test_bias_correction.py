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

"""Corrected biases undo the mean shift that rounded weights give a convolution's output."""

from helpers.tiny_quantized import calibrated, export_tiny, inputs, MODELS
import numpy as np
import onnx
from onnx import numpy_helper
import onnx_ir as ir
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.model_spec import read_model, read_spec
import torch
import torch.nn.functional as F
from training.quantization.bias_correction import output_shift
from training.quantization.calibrate import Statistics
from training.quantization.quantizer import fold_for_quantization, Quantizer

IMAGES = 4


@pytest.mark.parametrize('groups', [1, 2, 6])
def test_shift_is_the_mean_difference_of_the_outputs(groups):
    random = np.random.default_rng(0)
    weight, error = random.normal(size=(2, 12, 6 // groups, 3, 3))
    # Constant channels: every window has the mean of its channel.
    means = random.uniform(0, 2, 6)
    image = torch.tensor(np.broadcast_to(means[:, None, None], (1, 6, 5, 7)).copy())
    before, after = (
        F.conv2d(image, torch.tensor(values), groups=groups).mean(dim=(0, 2, 3)).numpy()
        for values in (weight, weight + error)
    )
    np.testing.assert_allclose(output_shift(error, means, groups), after - before, atol=1e-12)


def mean_logits(model: onnx.ModelProto) -> np.ndarray:
    """Return the mean of each class over all images."""
    graph = openvino_core().read_model(model.SerializeToString(), b'')
    compiled = openvino_core().compile_model(graph, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return np.mean([compiled([image])[0].mean(axis=(0, 2, 3)) for _, image in inputs(IMAGES)], 0)


@pytest.mark.parametrize('name', MODELS)
def test_int8_network_keeps_the_mean_of_every_class(tmp_path, name):
    path = export_tiny(tmp_path, MODELS[name])
    model = read_model(path)
    # With 4 bits the error of the weights is far above that of the activations.
    quantizer = Quantizer(fold_for_quantization(model, read_spec(path), path), weight_bits=4)
    quantizer.calibrate(inputs(IMAGES))
    expected = mean_logits(model)
    corrected = mean_logits(quantizer.model('max'))
    quantizer.statistics = {
        tensor: Statistics(found.histogram, np.zeros_like(found.channel_means))
        for tensor, found in quantizer.statistics.items()
    }
    uncorrected = mean_logits(quantizer.model('max'))
    # Not to 0: zero padding, ignored, is a large part of images of 64x96.
    assert np.abs(corrected - expected).mean() < 0.6 * np.abs(uncorrected - expected).mean()


def test_convolutions_without_a_bias_get_one_and_float_layers_keep_theirs(tmp_path):
    path = export_tiny(tmp_path, MODELS['single scale'])
    model = read_model(path)
    folded = ir.to_proto(fold_for_quantization(model, read_spec(path), path).model)
    before = {node.name: list(node.input) for node in folded.graph.node if node.op_type == 'Conv'}
    assert any(len(names) == 2 for names in before.values())
    quantized = calibrated(path).model('max', ['head.2'])
    arrays = {item.name: numpy_helper.to_array(item) for item in quantized.graph.initializer}
    after = {
        node.name: list(node.input) for node in quantized.graph.node if node.op_type == 'Conv'
    }
    assert after.keys() == before.keys()
    for name, names in after.items():
        if names == before[name]:
            assert name.endswith('head.2/Conv')
        else:
            assert names[2] == f'{name}/bias_corrected' and np.isfinite(arrays[names[2]]).all()
