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

"""Foreign graphs are adapted to the contract, and nothing is guessed."""

import subprocess
import sys

from helpers.checkout import ROOT
import numpy as np
import onnx
from onnx import helper, TensorProto
from onnx.reference import ReferenceEvaluator
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.errors import InvalidModelError, InvalidValueError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.model_spec.__main__ import main
from swiftnet_ros.model_spec.adapt import Normalization, wrap

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NUMBERS = ['--mean', *map(str, MEAN), '--std', *map(str, STD)]
CLASSES = 'classes:\n' + ''.join(f'  - {{name: c{i}, rgb: [{i}, 0, 255]}}\n' for i in range(5))


def save(model, path):
    onnx.save(model, str(path))
    return str(path)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the command and returns exit code and written path."""

    def run_on(model, *arguments, classes=CLASSES):
        table, output = tmp_path / 'classes.yaml', tmp_path / 'out.onnx'
        table.write_text(classes)
        source = save(model, tmp_path / 'foreign.onnx')
        given = [source, '--classes', str(table), '-o', str(output), *arguments]
        return main(given), output

    return run_on


def error_line(capsys, result):
    """Return the one line of error that a failed command printed."""
    code, output = result
    printed = capsys.readouterr()
    assert (code, output.exists(), printed.out) == (1, False, '')
    lines = [line for line in printed.err.splitlines() if not line.startswith('size ')]
    assert len(lines) == 1 and lines[0].startswith('error: ')
    return lines[0]


@pytest.mark.parametrize(
    'names', [('x', 'y'), ('image', 'logits'), ('mean', 'std'), ('a', 'mean')]
)
def test_wrapped_graph_predicts_as_the_normalized_original(run, float_model, noise, names):
    original = float_model(names=names)
    code, path = run(original, *NUMBERS)
    image = noise(48, 64)
    planes = ((image / 255.0 - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32)
    expected = ReferenceEvaluator(original).run(None, {names[0]: planes})[0][0]
    with open_backend(path, precision='fp32') as engine:
        np.testing.assert_allclose(engine.infer(image[None]), expected, atol=1e-4)
    assert code == 0


def test_specification_has_the_given_values(run, float_model):
    _, path = run(float_model(), *NUMBERS, '--name', 'mine', '--trained-on', 'yard train')
    spec = read_spec(path)
    assert (spec.name, spec.trained_on, spec.unlabeled_id) == ('mine', 'yard train', 255)
    assert (spec.input_height, spec.input_width, spec.output_stride) == (48, 64, 4)
    assert (spec.class_names[4], spec.colors[4]) == ('c4', (4, 0, 255))
    assert (spec.precision, spec.miou, spec.widths) == ('fp32', None, {})


def test_terms_are_those_of_the_options(run, float_model):
    _, path = run(float_model(), *NUMBERS, '--license', 'MIT', '--terms', 'keep the notice')
    assert (read_spec(path).license, read_spec(path).terms) == ('MIT', 'keep the notice')
    _, path = run(float_model(), *NUMBERS)
    assert (read_spec(path).license, read_spec(path).terms) == ('', '')


def test_default_name_is_that_of_the_file(run, float_model):
    _, path = run(float_model(), *NUMBERS, '--unlabeled-id', '200')
    assert (read_spec(path).name, read_spec(path).unlabeled_id) == ('foreign', 200)


def test_graph_with_uint8_input_is_not_changed(run, contract_model):
    code, path = run(contract_model())
    assert code == 0
    assert onnx.load(str(path)).graph == contract_model().graph


def test_command_runs_as_a_module(tmp_path, contract_model):
    (tmp_path / 'classes.yaml').write_text(CLASSES)
    source = save(contract_model(), tmp_path / 'foreign.onnx')
    command = [sys.executable, '-m', 'swiftnet_ros.model_spec', source, '--classes']
    command += [str(tmp_path / 'classes.yaml'), '-o', str(tmp_path / 'out.onnx')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    assert read_spec(tmp_path / 'out.onnx').name == 'foreign'


def test_dynamic_size_is_set_by_the_option(run, float_model, noise):
    code, path = run(float_model(size=['h', 'w']), *NUMBERS, '--size', '32x24')
    assert code == 0
    with open_backend(path) as engine:
        assert engine.infer(noise(24, 32)[None]).shape == (5, 6, 8)


def test_old_graph_with_weights_as_inputs_is_wrapped(run, float_model):
    model = float_model()
    model.ir_version = 3
    for item in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(item.name, 1, item.dims))
    code, path = run(model, *NUMBERS)
    assert code == 0
    assert read_spec(path).logits_shape == (5, 12, 16)


def test_precision_is_that_of_the_graph(run, contract_model):
    model = contract_model()
    scale = helper.make_tensor('scale', TensorProto.FLOAT, [], [0.1])
    zero = helper.make_tensor('zero', TensorProto.INT8, [], [0])
    model.graph.initializer.extend([scale, zero])
    model.graph.node[2].output[0] = 'unnormalized'
    for kind, source, target in [('Quantize', 'unnormalized', 'q'), ('Dequantize', 'q', 'logits')]:
        node = helper.make_node(f'{kind}Linear', [source, 'scale', 'zero'], [target])
        model.graph.node.append(node)
    assert read_spec(run(model)[1]).precision == 'int8'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'give the --mean and --std it was trained with'),
        (['--mean', '0', '0', '0'], '--mean also needs --std'),
        (['--std', '1', '1', '1'], '--std also needs --mean'),
        (['--mean', '123', '116', '103', '--std', '1', '1', '1'], 'three fractions from 0 to 1'),
        (['--mean', '0', '0', '0', '--std', '1', '0', '1'], 'three fractions above 0'),
        ([*NUMBERS, '--size', '128x96'], 'which --size cannot change'),
        ([*NUMBERS, '--unlabeled-id', '3'], 'unlabeled_id is 3'),
    ],
)
def test_invalid_arguments_for_a_float_graph_raise(run, capsys, float_model, arguments, message):
    assert message in error_line(capsys, run(float_model(), *arguments))


@pytest.mark.parametrize('arguments', [NUMBERS, ['--size', '64x48']])
def test_invalid_arguments_for_a_uint8_graph_raise(run, capsys, contract_model, arguments):
    message = error_line(capsys, run(contract_model(), *arguments))
    assert 'is uint8 already; remove --mean, --std and --size' in message


def test_dynamic_size_without_the_option_raises(run, capsys, float_model):
    message = error_line(capsys, run(float_model(size=['h', 'w']), *NUMBERS))
    assert 'has a dynamic size; give --size' in message


def test_opset_above_17_raises_and_names_the_file(run, capsys, float_model):
    model = float_model()
    model.opset_import[0].version = 18
    assert 'foreign.onnx: it has opset 18' in error_line(capsys, run(model, *NUMBERS))


def test_input_other_than_three_float_planes_raises(float_model):
    model = float_model(kind=TensorProto.DOUBLE)
    with pytest.raises(InvalidModelError, match=r"'x' double \[1, 3, 48, 64\], expected float"):
        wrap(model, 'm.onnx', Normalization(MEAN, STD))


def test_second_output_raises(float_model):
    model = float_model()
    model.graph.output.append(helper.make_tensor_value_info('aux', 1, [1, 5, 12, 16]))
    with pytest.raises(InvalidModelError, match=r"2 outputs \('y' .* and 'aux' .*, expected one"):
        wrap(model, 'm.onnx', Normalization(MEAN, STD))


def test_graph_with_contradicting_shapes_raises(float_model):
    model = float_model(size=['h', 'w'])
    model.graph.initializer.append(helper.make_tensor('fixed', 1, [1, 1, 9, 9], [0.0] * 81))
    model.graph.node[0].output[0] = 'unnormalized'
    model.graph.node.append(helper.make_node('Add', ['unnormalized', 'fixed'], ['y']))
    with pytest.raises(InvalidModelError, match='shapes cannot be inferred at 64x48'):
        wrap(model, 'm.onnx', Normalization(MEAN, STD), (48, 64))


def test_wrong_number_of_classes_raises(run, capsys, float_model):
    classes = CLASSES + '  - {name: c5, rgb: [1, 2, 3]}'
    message = error_line(capsys, run(float_model(), *NUMBERS, classes=classes))
    assert 'foreign.onnx: its output is' in message and '(6 classes at output stride 4)' in message


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        ('class: []', 'expected `classes: [{name, rgb}, ...]`'),
        ('- road', 'expected `classes: [{name, rgb}, ...]`'),
        ('classes: []', 'expected 1 to 65534 classes'),
        ('classes: road', 'expected a list of {name, rgb}'),
        ('classes: [{name: a, color: [1, 2, 3]}]', "unknown field of a class 'color'"),
        ('classes: []\nclases: []', "'clases'; did you mean 'classes'?"),
        ('classes: [', 'expected valid YAML'),
        ('classes: !!python/object/apply:os.getcwd []', 'expected valid YAML'),
    ],
)
def test_invalid_classes_file_raises(run, capsys, contract_model, classes, message):
    assert message in error_line(capsys, run(contract_model(), classes=classes))


def test_missing_files_raise(tmp_path, capsys, contract_model):
    given = ['--classes', str(tmp_path / 'no.yaml'), '-o', str(tmp_path / 'out.onnx')]
    source = save(contract_model(), tmp_path / 'model.onnx')
    assert main([source, *given]) == 1
    assert 'classes file not found: ' in capsys.readouterr().err
    (tmp_path / 'no.yaml').write_text(CLASSES)
    assert main([str(tmp_path / 'no.onnx'), *given]) == 1
    assert 'model not found: ' in capsys.readouterr().err


@pytest.mark.parametrize('mean', [(0.5, 0.5), (0.5, 0.5, float('nan'))])
def test_normalization_needs_three_real_numbers(mean):
    with pytest.raises(InvalidValueError, match='--mean is '):
        Normalization(mean, STD)


@pytest.mark.parametrize('kind', [TensorProto.INT64, TensorProto.FLOAT])
def test_ids_instead_of_logits_are_refused_with_what_to_export(run, float_model, capsys, kind):
    """Whatever they are converted and rearranged to."""
    model = float_model()
    model.graph.node[0].output[0] = 'scores'
    model.graph.node.extend(
        [
            helper.make_node('ArgMax', ['scores'], ['ids'], axis=1, keepdims=1),
            helper.make_node('Cast', ['ids'], ['y'], to=kind),
        ]
    )
    shape = [1, 1, 12, 16]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info('y', kind, shape))
    line = error_line(capsys, run(model, *NUMBERS))
    name = TensorProto.DataType.Name(kind).lower()
    assert line.endswith(
        f"its output is class ids ('logits' {name} [1, 1, 12, 16]); export the logits before the "
        'argmax, float [1, 5, H, W]'
    )


def test_classes_in_the_last_axis_are_refused_with_what_to_export(run, float_model, capsys):
    model = float_model()
    model.graph.node[0].output[0] = 'scores'
    model.graph.node.append(helper.make_node('Transpose', ['scores'], ['y'], perm=[0, 2, 3, 1]))
    last = helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 12, 16, 5])
    model.graph.output[0].CopyFrom(last)
    line = error_line(capsys, run(model, *NUMBERS))
    assert line.endswith('has the classes in the last axis; export it as float [1, 5, H, W]')
