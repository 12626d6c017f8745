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

"""Networks are rewritten for OpenVINO without a change of their values."""

import numpy as np
from onnx import helper, TensorProto
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.backends.openvino.graph import halve_images_by_convolution

HALF = {'kernel_shape': [2, 2], 'strides': [2, 2]}


def network_of(channels, *pools, size=(13, 18)):
    """Return a network that applies average pools one after another."""
    nodes = [
        helper.make_node('AveragePool', [f'x{i}'], [f'x{i + 1}'], name=f'pool {i}', **options)
        for i, options in enumerate(pools)
    ]
    source, target = 'x0', f'x{len(pools)}'
    graph = helper.make_graph(
        nodes,
        'pools',
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, [1, channels, *size])],
        [helper.make_tensor_value_info(target, TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    return openvino_core().read_model(model.SerializeToString(), b'')


def outputs_of(network, image):
    """Return the outputs in FP32."""
    settings = {'INFERENCE_PRECISION_HINT': 'f32'}
    results = openvino_core().compile_model(network, 'CPU', settings)([image])
    return results[0].copy()


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_halved_images_have_the_same_values(channels):
    image = np.random.default_rng(0).normal(size=(1, channels, 13, 18)).astype(np.float32)
    network = network_of(channels, HALF, HALF)
    before = outputs_of(network, image)
    assert halve_images_by_convolution(network) == 2
    kinds = [node.get_type_name() for node in network.get_ordered_ops()]
    assert 'AvgPool' not in kinds and kinds.count('GroupConvolution') == 2
    assert 'pool 0' in {node.get_friendly_name() for node in network.get_ordered_ops()}
    after = outputs_of(network, image)
    assert after.shape == (1, channels, 3, 4)
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)
    mean = image[:, :, :12, :16].reshape(1, channels, 3, 4, 4, 4).mean(axis=(3, 5))
    np.testing.assert_allclose(after, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ('channels', 'options'),
    [
        (8, HALF),
        (3, {'kernel_shape': [3, 3], 'strides': [2, 2]}),
        (3, {'kernel_shape': [2, 2], 'strides': [1, 1]}),
        (3, {**HALF, 'pads': [0, 0, 1, 1]}),
    ],
)
def test_other_pools_stay(channels, options):
    network = network_of(channels, options)
    assert halve_images_by_convolution(network) == 0
    assert 'AvgPool' in [node.get_type_name() for node in network.get_ordered_ops()]
