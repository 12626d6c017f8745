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

"""Every node and every executed operation has one level and block, and their times add up."""

from collections import Counter
from pathlib import Path
import re

from helpers.checkout import ROOT
from helpers.tiny_model import write_tiny_model
from helpers.tiny_training import tiny_checkpoint
import numpy as np
import onnx
import pytest
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_model
from training.commands.quantize import main as quantize
from training.evaluation.complexity import count_complexity
from training.export import export
from training.profiling.block_times import (
    Operation,
    operation_positions,
    ProfiledEngine,
    time_blocks,
)
from training.profiling.cases import make_cases
from training.profiling.pyramid_graph import (
    count_gmacs,
    DECODER,
    gmacs_by_position,
    graph_positions,
    GraphPosition,
)
from training.run.checkpoint import Checkpoint
from training.schema.config import ModelConfig

WIDTHS = [4, 8, 8, 12, 16]
MODELS = {
    'resnet18, three levels': ModelConfig('pyramid', 'resnet18', WIDTHS, 3, 8, 4),
    'resnet50, two levels': ModelConfig('pyramid', 'resnet50', WIDTHS, 2, 8, 8),
    'mobilenet_v2, one level': ModelConfig('pyramid', 'mobilenet_v2', WIDTHS, 1, 8, 4),
    'single scale': ModelConfig('single_scale', 'resnet18', WIDTHS, features=9, output_stride=8),
}
HEIGHT, WIDTH = 64, 96


@pytest.fixture(scope='module', params=MODELS)
def exported(request, tmp_path_factory) -> tuple[Checkpoint, Path]:
    checkpoint = tiny_checkpoint(MODELS[request.param])
    path = tmp_path_factory.mktemp('blocks') / 'tiny.onnx'
    export(checkpoint, path, 'tiny', HEIGHT, WIDTH)
    return checkpoint, path


def position_of_convolution(weight: str, level: int) -> GraphPosition:
    """Return the position of the convolution that uses a weight on a level."""
    path = weight.removeprefix('network.')
    if match := re.match(r'encoder\.stages\.(\d)', path):
        return GraphPosition(level, f'block {int(match[1]) + 1}')
    if path.startswith('encoder.stem'):
        return GraphPosition(level, 'stem')
    return (
        GraphPosition(level, 'laterals')
        if path.startswith('laterals')
        else GraphPosition(None, DECODER)
    )


def convolutions(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == 'Conv']


def test_every_convolution_has_the_position_of_its_weight(exported):
    model = read_model(exported[1])
    found, uses = graph_positions(model), Counter()
    for node in convolutions(model):
        weight = node.input[1]
        assert found[node.name] == position_of_convolution(weight, uses[weight])
        uses[weight] += 1


def test_every_node_computed_from_the_image_has_a_position(exported):
    model = read_model(exported[1])
    found = graph_positions(model)
    assert found[model.graph.output[0].name] == GraphPosition(None, DECODER)
    constant = {item.name for item in model.graph.initializer}
    for node in model.graph.node:
        if set(node.input) - constant - {''}:
            assert {found[name] for name in node.output} == {found[node.name]}
        else:
            assert node.op_type == 'Constant'


def test_file_has_the_multiply_adds_of_the_network(exported):
    checkpoint, path = exported
    model = read_model(path)
    expected = count_complexity(checkpoint.network(), HEIGHT, WIDTH)
    counted, by_position = count_gmacs(model), gmacs_by_position(model)
    assert counted.conv == pytest.approx(expected.conv_gmacs, rel=1e-12)
    assert counted.total == pytest.approx(expected.gmacs, rel=1e-12)
    assert sum(part.total for part in by_position.values()) == pytest.approx(counted.total)


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
def test_every_executed_operation_has_a_position(exported, precision):
    with ProfiledEngine.from_path(exported[1], precision, 1) as engine:
        check_positions(engine, read_model(exported[1]))


def test_every_executed_operation_of_an_int8_file_has_a_position(tmp_path):
    path, out = tmp_path / 'tiny.onnx', tmp_path / 'tiny.int8.onnx'
    checkpoint = tiny_checkpoint(MODELS['resnet18, three levels'])
    export(checkpoint, path, 'tiny', HEIGHT, WIDTH)
    few = ['--count', '1', '--held-out', '1', '--method', 'max']
    images = str(ROOT / 'demo' / 'images')
    assert quantize([str(path), '--images', images, *few, '-o', str(out)]) == 0
    with ProfiledEngine.from_path(out, 'int8', 1) as engine:
        assert engine.precision == 'int8'
        check_positions(engine, read_model(out))


def check_positions(engine: ProfiledEngine, model: onnx.ModelProto) -> None:
    """Compare the number of convolutions at each position, compiled and in the file."""
    known = graph_positions(model)
    engine.infer(np.zeros((1, HEIGHT, WIDTH, 3), np.uint8))
    placed = operation_positions(engine.operations(), known)
    convolved = executed_convolutions(engine)
    assert convolved <= set(engine.mean_ms()) <= set(placed)
    # The compiler changes names, but neither adds nor removes convolutions; those that halve the
    # image are average pools in the file.
    operations = Counter(placed[name] for name in convolved)
    halvings = [node for node in model.graph.node if node.op_type == 'AveragePool']
    halvings = [node for node in halvings if known[node.name].part == 'input']
    expected = [known[node.name] for node in [*convolutions(model), *halvings]]
    assert operations == Counter(expected)


def executed_convolutions(engine: ProfiledEngine) -> set[str]:
    nodes = engine._request.get_compiled_model().get_runtime_model().get_ops()
    return {
        node.get_friendly_name()
        for node in nodes
        if 'Convolution' in node.get_rt_info()['layerType'].astype(str)
    }


def test_operation_without_a_name_has_the_position_of_its_reader():
    known = {'conv': GraphPosition(1, 'block 2'), 'head': GraphPosition(None, DECODER)}
    operations = [
        Operation('image', (), ()),
        Operation('reorder', ('',), ('image',)),
        Operation('anonymous', ('folded',), ('reorder',)),
        Operation('fused', ('folded 2', 'conv', 'head'), ('anonymous',)),
        Operation('logits', ('head',), ('fused',)),
        Operation('last reorder', (), ('logits',)),
    ]
    block, decoder = known['conv'], known['head']
    expected = dict.fromkeys(['image', 'reorder', 'anonymous', 'fused'], block)
    expected |= dict.fromkeys(['logits', 'last reorder'], decoder)
    assert operation_positions(operations, known) == expected


def test_node_with_a_suffix_from_the_compiler_is_found():
    known = {
        '/laterals.0/Conv': GraphPosition(1, 'laterals'),
        '/Transpose': GraphPosition(0, 'input'),
    }
    names = [('/laterals.0/Conv/WithoutBiases', 'Multiply_1'), ('/Transpose_original',)]
    operations = [Operation(str(index), originals, ()) for index, originals in enumerate(names)]
    placed = operation_positions(operations, known)
    assert placed == {'0': GraphPosition(1, 'laterals'), '1': GraphPosition(0, 'input')}


def test_blocks_add_up_to_about_the_forward_pass(tmp_path):
    checkpoint = tiny_checkpoint(ModelConfig('pyramid', 'resnet18', [32] * 5, 2, 32, 8))
    export(checkpoint, tmp_path / 'a.onnx', 'a', 256, 512)
    case = make_cases([tmp_path / 'a.onnx'], [], ['fp32'], tmp_path)[0]
    (times,) = time_blocks([case], 1, 7)
    for position, spent in times.position_ms.items():
        assert 0 < times.best_ms[position] <= spent
    total = sum(times.position_ms.values())
    assert total + times.remainder_ms == pytest.approx(times.forward_ms)
    assert 0.6 < total / times.forward_ms < 1.1
    order = [(position.level, position.part) for position in times.position_ms]
    parts = ['input', 'stem', *(f'block {i}' for i in (1, 2, 3, 4)), 'laterals']
    assert order == [(level, part) for level in (0, 1) for part in parts] + [(None, DECODER)]


def test_network_without_named_blocks_raises(tmp_path):
    write_tiny_model(tmp_path / 'tiny.onnx')
    case = make_cases([tmp_path / 'tiny.onnx'], [], ['fp32'], tmp_path)[0]
    with pytest.raises(InvalidModelError, match='nodes lack stem, blocks and decoder'):
        time_blocks([case], 1, 1)
