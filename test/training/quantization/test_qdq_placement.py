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

"""Folding keeps every prediction; Q/DQ pairs are placed so that runtimes fuse them to INT8."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
import re

from helpers.tiny_quantized import calibrated, export_tiny, inputs, MODELS, WIDTHS
from helpers.tiny_training import tiny_checkpoint
import numpy as np
import onnx
from onnx import numpy_helper
import onnx_ir as ir
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.model_spec import ModelSpec, read_model, read_spec, write_model
from swiftnet_ros.model_spec.qdq import check_pairs, with_own_weights
import torch
from training.export import export
from training.quantization.folding import fold_batch_norms
from training.quantization.qdq_writer import quantize_weight
from training.quantization.quantizer import Quantizer
from training.schema.config import ModelConfig


@pytest.fixture(scope='module', params=MODELS)
def exported(request, tmp_path_factory) -> tuple[Path, Quantizer, bool]:
    """Return each kind of network exported and calibrated, and whether it is a pyramid."""
    path = export_tiny(tmp_path_factory.mktemp('export'), MODELS[request.param])
    return path, calibrated(path), request.param != 'single scale'


def run(model: onnx.ModelProto, values: list[str]) -> dict[str, np.ndarray]:
    """Return named tensors of a graph, computed in FP32 on one image."""
    core = openvino_core()
    graph = core.read_model(model.SerializeToString(), b'')
    graph.add_outputs([value for value in values if value != 'logits'])
    compiled = core.compile_model(graph, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    results = compiled([inputs(1)[0][1]])
    return {name: results[o] for o in compiled.outputs for name in o.names if name in values}


def int8_spec(path: Path) -> ModelSpec:
    return replace(read_spec(path), precision='int8')


def operator_counts(model: onnx.ModelProto) -> Counter:
    return Counter(node.op_type for node in model.graph.node)


def test_folding_keeps_the_logits_and_every_tensor_that_keeps_its_name(exported):
    path, _, _ = exported
    model = read_model(path)
    folded = ir.to_proto(fold_batch_norms(model).model)
    onnx.checker.check_model(folded, full_check=True)
    names = {name for node in folded.graph.node for name in node.output if '_scaled' not in name}
    floats = [v.name for v in (*model.graph.value_info, *model.graph.output) if v.name in names]
    before, after = run(model, floats), run(folded, floats)
    assert 'logits' in after and len(after) > 20
    for name, array in after.items():
        np.testing.assert_allclose(array, before[name], atol=1e-3, rtol=1e-3, err_msg=name)


def test_no_norm_follows_a_convolution_and_pyramids_have_none_left(exported):
    path, _, is_pyramid = exported
    folded = ir.to_proto(fold_batch_norms(read_model(path)).model)
    writers = {name: node.op_type for node in folded.graph.node for name in node.output}
    norms = [node for node in folded.graph.node if node.op_type == 'BatchNormalization']
    assert not any(writers[node.input[0]] == 'Conv' for node in norms)
    if is_pyramid:
        assert not norms


def test_pairs_keep_the_pattern_and_the_contract(exported, tmp_path):
    path, quantizer, _ = exported
    model = quantizer.model('max')
    check_pairs(model, path)
    write_model(model, tmp_path / 'a.onnx', int8_spec(path), None)
    written = onnx.load(tmp_path / 'a.onnx')
    onnx.checker.check_model(written, full_check=True)
    assert (written.ir_version, [item.version for item in written.opset_import]) == (8, [17])
    nodes = operator_counts(written)
    pairs = nodes['QuantizeLinear']
    # One dequantizer for every pair and for the weights of every convolution, none for a bias.
    assert nodes['DequantizeLinear'] == pairs + nodes['Conv']
    assert not any(item.data_type == onnx.TensorProto.INT32 for item in written.graph.initializer)


@pytest.mark.parametrize('variant', ['pyramid', 'single_scale'])
def test_depthwise_layers_have_a_scale_for_each_channel(tmp_path, variant):
    """Their channels differ most: with one scale for all, small ones would round to nothing."""
    config = ModelConfig(variant, 'mobilenet_v2', WIDTHS, 1, features=8, output_stride=4)
    path = tmp_path / 'tiny.onnx'
    checkpoint = tiny_checkpoint(config)
    # Norms fold into the convolutions, whose channels then have weights of very different sizes.
    for name, value in checkpoint.weights.items():
        if re.search(r'norm\.0\.weight$', name):
            value *= torch.logspace(-2, 1, len(value))
    export(checkpoint, path, 'tiny', 64, 96)
    model = calibrated(path).model('percentile_99.9')
    check_pairs(model, path)
    constants = {item.name: item for item in model.graph.initializer}
    dequantizers = {node.output[0]: node for node in model.graph.node}
    depthwise = [
        node
        for node in model.graph.node
        if any(item.name == 'group' and item.i > 1 for item in node.attribute)
    ]
    assert len(depthwise) == 17
    for node in depthwise:
        weight, scale, _ = dequantizers[node.input[1]].input
        values, scales = (numpy_helper.to_array(constants[name]) for name in (weight, scale))
        assert values.dtype == np.int8 and scales.shape == (len(values),) and len(values) > 1
        assert (np.abs(values.reshape(len(values), -1)).max(axis=1) == 63).all()
        assert len(np.unique(scales)) > 1


def test_two_norms_after_one_convolution_fold_into_it(tmp_path):
    """MobileNetV2's last block has no activation, and the pooling after it begins with a norm."""
    config = ModelConfig('single_scale', 'mobilenet_v2', WIDTHS, 1, features=8, output_stride=4)
    path = tmp_path / 'tiny.onnx'
    export(tiny_checkpoint(config), path, 'tiny', 64, 96)
    model = read_model(path)
    folded = ir.to_proto(fold_batch_norms(model).model)
    writers = {name: node.op_type for node in model.graph.node for name in node.output}
    norms = [node for node in model.graph.node if node.op_type == 'BatchNormalization']
    assert any(writers[node.input[0]] == 'BatchNormalization' for node in norms)
    before, after = (run(graph, ['logits'])['logits'] for graph in (model, folded))
    np.testing.assert_allclose(after, before, atol=1e-4, rtol=1e-4)


def test_shortcut_of_a_sum_has_a_pair_and_its_branch_has_none(exported):
    _, quantizer, _ = exported
    model = quantizer.model('max')
    writers = {name: node for node in model.graph.node for name in node.output}
    sums = [node for node in model.graph.node if node.op_type == 'Add' and '/Add' in node.name]
    blocks = [node for node in sums if 'stages' in node.name]
    assert blocks
    for node in blocks:
        assert Counter(writers[name].op_type for name in node.input) == Counter(
            ['Conv', 'DequantizeLinear']
        )


def test_levels_share_int8_weights(exported):
    path, quantizer, _ = exported
    floats = [node.input[1] for node in read_model(path).graph.node if node.op_type == 'Conv']
    model = quantizer.model('max')
    stored = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    read = [node.input[0] for node in model.graph.node
            if node.op_type == 'DequantizeLinear' and node.input[0] in stored]  # fmt: skip
    contents = [(stored[name].shape, stored[name].tobytes()) for name in set(read)]
    assert len(set(contents)) == len(contents)
    # Rounding may differ in a weight.
    shared = len(read) - len(contents)
    assert shared >= 0.8 * (len(floats) - len(set(floats)))
    assert len(with_own_weights(model).graph.initializer) == len(stored) + shared


def test_any_choice_of_float_layers_keeps_the_pattern(exported):
    path, quantizer, _ = exported
    random = np.random.default_rng(0)
    for _ in range(5):
        fraction = random.random()
        kept = [name for name in quantizer.layers if random.random() < fraction]
        if len(kept) < len(quantizer.layers):
            model = quantizer.model('max', kept)
            check_pairs(model, path)
            quantized = (
                operator_counts(model)['DequantizeLinear']
                - operator_counts(model)['QuantizeLinear']
            )
            assert quantized == len(quantizer.placement(kept).convolutions)


def test_quantized_logits_are_nearly_those_of_the_float_network(exported, tmp_path):
    path, quantizer, _ = exported
    write_model(quantizer.model('percentile_99.99'), tmp_path / 'a.onnx', int8_spec(path), None)
    with (
        open_backend(path, precision='fp32') as exact,
        open_backend(tmp_path / 'a.onnx') as integer,
    ):
        logits = [
            np.stack([engine.infer(image).copy() for _, image in inputs(4)])
            for engine in (exact, integer)
        ]
    assert np.corrcoef(logits[0].ravel(), logits[1].ravel())[0, 1] > 0.98


def test_openvino_runs_convolutions_and_sums_in_int8(exported, tmp_path):
    path, quantizer, _ = exported
    write_model(quantizer.model('max'), tmp_path / 'a.onnx', int8_spec(path), None)
    with open_backend(tmp_path / 'a.onnx') as engine:
        assert engine.precision == 'int8'
    compiled = openvino_core().compile_model(
        str(tmp_path / 'a.onnx'), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'}
    )
    nodes = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    facts = [{key: info[key].astype(str) for key in info} for info in nodes]
    convolutions = [item for item in facts if item['layerType'] == 'Convolution']
    assert convolutions
    assert {item['runtimePrecision'] for item in convolutions} <= {'i8', 'u8'}
    sums = [n.name for n in read_model(path).graph.node if 'stages' in n.name and '/Add' in n.name]
    ran = {
        name: item['runtimePrecision']
        for item in facts
        for name in item['originalLayersNames'].split(',')
        if name in sums
    }
    assert len(ran) == len(sums) > 0
    assert set(ran.values()) <= {'i8', 'u8'}


def test_sum_of_two_products_fits_16_bits_by_default():
    weight = np.random.default_rng(0).normal(0, 1, (6, 3, 3, 3)).astype(np.float32)
    assert 255 * 2 * int(np.abs(quantize_weight(weight).values).max()) < 2**15


@pytest.mark.parametrize('bits', [7, 8])
def test_weights_use_their_range_and_err_by_at_most_half_a_step(bits):
    weight = np.random.default_rng(0).normal(0, 1, (6, 3, 3, 3)).astype(np.float32)
    quantized = quantize_weight(weight * np.logspace(-6, 3, 6)[:, None, None, None], bits)
    highest = np.abs(quantized.values.reshape(6, -1)).max(axis=1)
    assert (highest == 2 ** (bits - 1) - 1).all()
    restored = quantized.values * quantized.scales[:, None, None, None]
    loss = np.abs(restored - weight * np.logspace(-6, 3, 6)[:, None, None, None])
    assert (loss <= 0.5001 * quantized.scales[:, None, None, None]).all()
