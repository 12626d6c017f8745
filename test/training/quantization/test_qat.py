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

"""QAT trains the graph that the INT8 file holds, and writes a file of the same format."""

from dataclasses import replace
from pathlib import Path

from helpers.tiny_quantized import (
    calibrated,
    export_tiny,
    inputs,
    MODELS,
    noise_images,
    write_images,
)
from helpers.tiny_training import command_json
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from swiftnet_ros.backends.openvino.engine import openvino_core
from swiftnet_ros.model_spec import read_model, read_spec
from swiftnet_ros.model_spec.qdq import check_pairs, with_own_weights
import torch
from training.__main__ import main
from training.quantization.calibration_images import UnlabeledImage
from training.quantization.folding import fold_batch_norms
from training.quantization.onnx_to_torch import float_weights, OnnxNetwork, with_trained_weights
from training.quantization.qat import distill, QatOptions
from training.quantization.qdq_writer import WEIGHT_BITS


@pytest.fixture(scope='module', params=['resnet18, two levels', 'single scale'])
def graphs(request, tmp_path_factory) -> tuple[Path, ir.Model, onnx.ModelProto]:
    """Return an exported network, folded and quantized."""
    path = export_tiny(tmp_path_factory.mktemp('tune'), MODELS[request.param])
    return path, fold_batch_norms(read_model(path)).model, calibrated(path).model('max')


def logits(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    """Run a graph with OpenVINO in FP32."""
    core = openvino_core()
    graph = core.read_model(model.SerializeToString(), b'')
    return core.compile_model(graph, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})([image])[0]


def test_torch_and_openvino_compute_the_same_logits(graphs):
    _, folded, quantized = graphs
    image = inputs(1)[0][1]
    for model, weights in ((ir.to_proto(folded), {}), (quantized, float_weights(folded))):
        with torch.no_grad():
            computed = OnnxNetwork(model, weights)(torch.from_numpy(image)).numpy()
        expected = logits(model, image)
        assert computed.shape == expected.shape
        # OpenVINO may round a value halfway between two steps the other way.
        assert np.corrcoef(computed.ravel(), expected.ravel())[0, 1] > 0.999


def test_network_computes_channels_first(graphs):
    _, folded, _ = graphs
    assert OnnxNetwork(ir.to_proto(folded), {})(torch.from_numpy(inputs(1)[0][1])).is_contiguous()


def test_untrained_network_is_written_as_the_same_file(graphs):
    _, folded, quantized = graphs
    network = OnnxNetwork(quantized, float_weights(folded))
    again = with_trained_weights(quantized, network, WEIGHT_BITS)
    expected = with_own_weights(quantized)
    assert again.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


def test_only_weights_and_biases_have_gradients(graphs):
    _, folded, quantized = graphs
    network = OnnxNetwork(quantized, float_weights(folded))
    network(torch.from_numpy(inputs(1)[0][1])).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    convolutions = [node for node in quantized.graph.node if node.op_type == 'Conv']
    biases = {node.input[2] for node in convolutions if len(node.input) > 2}
    trained = {f'{node.name}/weight_quantized' for node in convolutions} | biases
    assert set(network.trained) == trained


def test_distillation_reduces_the_loss_of_a_coarsely_quantized_network(graphs):
    path, folded, quantized = graphs
    samples = [UnlabeledImage(image, '') for image in noise_images(4)]
    student = OnnxNetwork(quantized, float_weights(folded), bits=3)
    teacher = OnnxNetwork(ir.to_proto(folded), {})
    options = QatOptions(steps=40, batch_size=2, lr=2e-3)
    losses = distill(student, teacher, read_spec(path), samples, options)
    assert np.mean(losses[-8:]) < 0.6 * np.mean(losses[:8])


def test_command_writes_a_file_of_the_same_format(capsys, tmp_path):
    source, folder = export_tiny(tmp_path), write_images(tmp_path / 'camera', 6)
    quantized, out = tmp_path / 'a.int8.onnx', tmp_path / 'b.int8.onnx'
    common = ['--images', str(folder), '--held-out', '2']
    words = ['quantize', str(source), *common, '--method', 'max', '-o', str(quantized)]
    assert main(words) == 0
    words = ['finetune_int8', source, quantized, *common, '-o', out]
    result = command_json(capsys, *words, '--steps', 3, '--batch-size', 2)
    before, after = read_spec(quantized), read_spec(out)
    assert replace(after, calibration=None) == replace(before, calibration=None)
    assert after.calibration['finetuning']['steps'] == 3
    assert after.calibration['agreement'] == result['agreement'] > 0.5
    assert after.calibration['images'] == before.calibration['images']
    check_pairs(read_model(out), out)
    graphs = [onnx.load(path).graph for path in (quantized, out)]
    assert [n.name for n in graphs[0].node] == [n.name for n in graphs[1].node]
    assert [w.raw_data for w in graphs[0].initializer] != [
        w.raw_data for w in graphs[1].initializer
    ]


@pytest.mark.parametrize(
    'words, expected',
    [
        (['--steps', '0'], '--steps is 0, expected at least 1'),
        (['--lr', 'nan'], '--lr is nan, expected a number above 0'),
        (['--lr', '0'], '--lr is 0.0, expected a number above 0'),
        ([], 'it is not an int8 file of python -m training quantize, which has to run first'),
    ],
)
def test_invalid_options_and_files_raise(capsys, tmp_path, words, expected):
    source, folder = export_tiny(tmp_path), write_images(tmp_path / 'camera', 3)
    command = ['finetune_int8', str(source), str(source), '--images', str(folder)]
    assert main([*command, '-o', str(tmp_path / 'b.onnx'), *words]) == 1
    assert expected in capsys.readouterr().err
