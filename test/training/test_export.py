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

"""Exported files follow the model contract and predict like the torch network."""

from dataclasses import replace
import math
from pathlib import Path

from helpers.tiny_training import CLASSES, command_json, tiny_checkpoint
import numpy as np
import onnx
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.errors import FileMissingError, NonFiniteLogitsError
from swiftnet_ros.model_spec import ModelSpec, read_golden, read_model, read_spec
from swiftnet_ros.segmenter import Segmenter
import torch
from torch import nn
from training import export as export_module
from training.__main__ import main
from training.evaluation.evaluate import torch_predictor
from training.export import export, Parity, ParityError
from training.run.checkpoint import Checkpoint, layer_widths, save_checkpoint
from training.schema.config import ModelConfig

WIDTHS = [4, 8, 8, 12, 16]
MODELS = {
    'resnet18, three levels': ModelConfig('pyramid', 'resnet18', WIDTHS, 3, 8, 4),
    'resnet50, two levels': ModelConfig('pyramid', 'resnet50', WIDTHS, 2, 8, 8),
    'mobilenet_v2, one level': ModelConfig('pyramid', 'mobilenet_v2', WIDTHS, 1, 8, 4),
    'single scale': ModelConfig('single_scale', 'resnet34', WIDTHS, features=9, output_stride=8),
}
# At 360x480 single-scale stages have 12x15 cells, which no pooling grid divides.
SIZES = dict.fromkeys(MODELS, (64, 96)) | {'single scale': (360, 480)}


@pytest.fixture(scope='module', params=MODELS)
def exported(request, tmp_path_factory) -> tuple[Checkpoint, Path, Parity]:
    """Export each kind of network once; return checkpoint, path and parity."""
    checkpoint = tiny_checkpoint(MODELS[request.param], ignored_source_ids=[11])
    path = tmp_path_factory.mktemp('export') / 'tiny.fp32.onnx'
    parity = export(checkpoint, path, 'tiny', *SIZES[request.param], miou=0.5)
    return checkpoint, path, parity


def used_weights(model: onnx.ModelProto) -> set[str]:
    """Return the names of the weights of convolutions and norms, shared ones once."""
    return {
        name
        for node in model.graph.node
        if node.op_type in ('Conv', 'BatchNormalization')
        for name in node.input[1:3]
    }


def test_input_output_opset_and_ir_follow_the_contract(exported):
    checkpoint, path, _ = exported
    model, spec = onnx.load(path), read_spec(path)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, [item.version for item in model.opset_import]) == (8, [17])
    (image,), (logits,) = model.graph.input, model.graph.output
    assert (image.name, logits.name) == ('image', 'logits')
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert logits.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    height, width = spec.input_height, spec.input_width
    stride = checkpoint.model.output_stride
    shapes = [
        [dimension.dim_value for dimension in edge.type.tensor_type.shape.dim]
        for edge in (image, logits)
    ]
    assert shapes == [[1, height, width, 3], [1, 3, height // stride, width // stride]]
    assert model.graph.node[0].op_type == 'Cast'


def test_parameters_of_the_file_are_those_of_the_network(exported):
    checkpoint, path, _ = exported
    model = onnx.load(path)
    sizes = {item.name: math.prod(item.dims) for item in model.graph.initializer}
    params = sum(parameter.numel() for parameter in checkpoint.network().parameters())
    assert sum(sizes[name] for name in used_weights(model)) == params


def test_shared_weights_stay_shared_and_norms_stay_nodes(exported):
    checkpoint, path, _ = exported
    network, nodes = checkpoint.network(), onnx.load(path).graph.node
    convolutions = [node.input[1] for node in nodes if node.op_type == 'Conv']
    assert len(set(convolutions)) == sum(
        isinstance(layer, nn.Conv2d) for layer in network.modules()
    )
    calls = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
            layer.register_forward_hook(lambda layer, *_: calls.append(type(layer)))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, 64, 96))
    assert len(convolutions) == calls.count(nn.Conv2d)
    norms = sum(node.op_type == 'BatchNormalization' for node in nodes)
    assert norms == calls.count(nn.BatchNorm2d)


def test_model_spec_comes_from_the_checkpoint(exported):
    checkpoint, path, _ = exported
    height, width = read_model(path).graph.input[0].type.tensor_type.shape.dim[1:3]
    assert read_spec(path) == ModelSpec(
        name='tiny',
        classes=CLASSES,
        unlabeled_id=255,
        ignored_source_ids=(11,),
        input_height=height.dim_value,
        input_width=width.dim_value,
        output_stride=checkpoint.model.output_stride,
        fit='stretch',
        precision='fp32',
        trained_on='folder',
        miou=0.5,
        widths=layer_widths(checkpoint.weights),
        calibration=None,
    )


def test_golden_labels_are_those_of_torch_and_the_runtime(exported):
    checkpoint, path, parity = exported
    assert parity.agreement >= 0.999
    assert 0 <= parity.max_difference < 1e-3
    spec, golden = read_spec(path), read_golden(path)
    network = checkpoint.network().eval()
    predict = torch_predictor(network, spec.input_height, spec.input_width, torch.device('cpu'))
    assert np.array_equal(golden.labels, predict(golden.frame).labels)
    assert len(np.unique(golden.labels)) > 1
    with open_backend(path, precision='fp32') as engine:
        labels = Segmenter(engine).segment(golden.frame).labels
    assert (labels == golden.labels).mean() >= 0.999


def test_pruned_network_is_exported_with_its_widths(tmp_path):
    checkpoint = tiny_checkpoint()
    weights, kept = dict(checkpoint.weights), [0, 3, 5]
    block = 'encoder.stages.3.1'
    for name, value in checkpoint.weights.items():
        if name.startswith((f'{block}.conv1', f'{block}.bn1')) and value.dim():
            weights[name] = value[kept]
    weights[f'{block}.conv2.weight'] = weights[f'{block}.conv2.weight'][:, kept]
    parity = export(replace(checkpoint, weights=weights), tmp_path / 'a.onnx', 'a', 64, 96)
    assert parity.agreement >= 0.999
    assert read_spec(tmp_path / 'a.onnx').widths[f'{block}.conv1'] == 3


def test_file_with_other_predictions_does_not_replace_the_old_one(tmp_path, monkeypatch):
    original = export_module.torch_logits
    monkeypatch.setattr(export_module, 'torch_logits', lambda *arguments: -original(*arguments))
    path = tmp_path / 'wrong.onnx'
    path.write_text('the older model')
    with pytest.raises(ParityError, match=r'agrees with the torch network on \d.*at least 99.9%'):
        export(tiny_checkpoint(), path, 'wrong', 64, 96)
    assert path.read_text() == 'the older model'
    assert list(tmp_path.iterdir()) == [path]


def test_file_with_the_same_labels_and_other_logits_is_removed(tmp_path, monkeypatch):
    original = export_module.torch_logits
    scaled = lambda *arguments: 1.01 * original(*arguments)  # noqa: E731
    monkeypatch.setattr(export_module, 'torch_logits', scaled)
    with pytest.raises(ParityError, match=r'on 100.0000% .* its logits differ by .*most 0.001;'):
        export(tiny_checkpoint(), tmp_path / 'scaled.onnx', 'scaled', 64, 96)
    assert not (tmp_path / 'scaled.onnx').exists()


def test_logits_that_are_no_numbers_are_not_exported(tmp_path):
    checkpoint = tiny_checkpoint()
    weights = {name: value * 1 for name, value in checkpoint.weights.items()}
    # Finite, but two such terms are not.
    weights['head.2.weight'] = torch.full_like(weights['head.2.weight'], 3e38)
    with pytest.raises(NonFiniteLogitsError, match='the checkpoint: its logits in fp32 are NaN'):
        export(replace(checkpoint, weights=weights), tmp_path / 'nan.onnx', 'nan', 64, 96)
    assert not (tmp_path / 'nan.onnx').exists()


@pytest.fixture
def saved(tmp_path) -> Path:
    """Return the path of a checkpoint that was evaluated at 64x96."""
    save_checkpoint(tiny_checkpoint(), tmp_path / 'tiny.pt')
    return tmp_path / 'tiny.pt'


def test_command_takes_size_and_miou_from_the_checkpoint(capsys, saved, tmp_path):
    result = command_json(capsys, 'export', str(saved), '-o', str(tmp_path / 'street.fp32.onnx'))
    spec = read_spec(tmp_path / 'street.fp32.onnx')
    assert (result['size'], result['miou']) == ([64, 96], 0.25)
    assert (spec.name, spec.miou) == ('street', 0.25)
    assert result['agreement'] >= 0.999
    assert result['max_difference'] < 1e-3


def test_miou_is_unknown_at_another_size(capsys, saved, tmp_path):
    out = tmp_path / 'a.onnx'
    words = [str(saved), '-o', str(out), '--size', '480x360', '--name', 'other']
    result, spec = command_json(capsys, 'export', *words), read_spec(out)
    assert (result['size'], result['miou']) == ([360, 480], None)
    assert (spec.name, spec.miou) == ('other', None)
    assert (spec.input_height, spec.input_width) == (360, 480)
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    with open_backend(out) as engine:
        assert Segmenter(engine).segment(image).labels.shape == (200, 300)


def test_miou_measured_on_a_data_set_is_stored_in_the_file(
    capsys, finished_run, folder_root, tmp_path
):
    out = tmp_path / 'a.onnx'
    data = ['--dataset', 'folder', '--root', str(folder_root), '--split', 'val']
    result = command_json(capsys, 'export', str(finished_run.trained), '-o', str(out), *data)
    measured = command_json(capsys, 'evaluate', out, *data, '--precision', 'fp32')
    assert result['miou'] == read_spec(out).miou == measured['miou'] > 0.5
    assert read_golden(out) is not None


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileMissingError, match='folder not found: .*nowhere'):
        export(tiny_checkpoint(), tmp_path / 'nowhere' / 'a.onnx', 'a', 64, 96)


@pytest.mark.parametrize('size', ['64', '96x60', '0x8', 'axb', '64x96x3'])
def test_impossible_size_is_a_usage_error(capsys, saved, size):
    with pytest.raises(SystemExit):
        main(['export', str(saved), '-o', 'a.onnx', '--size', size])
    assert 'is not WIDTHxHEIGHT in multiples of 8' in capsys.readouterr().err
