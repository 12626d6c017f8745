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

"""ONNX files with a specification: round trip and one-line errors."""

import onnx
from onnx import helper, numpy_helper, TensorProto
from onnx.external_data_helper import convert_model_to_external_data
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidModelError,
    MissingSpecError,
    SpecVersionError,
    SwiftnetError,
)
from swiftnet_ros.model_spec import Golden, read_golden, read_model, read_spec, write_model


def metadata(path):
    return [(entry.key, entry.value) for entry in onnx.load(str(path)).metadata_props]


def one_line(error):
    text = str(error.value)
    return text.startswith('cannot use model') and '\n' not in text


def test_write_and_read_round_trip(tmp_path, contract_model, spec_with, noise):
    path, spec = tmp_path / 'model.onnx', spec_with()
    write_model(contract_model(), path, spec, Golden(noise(24, 32), noise(24, 32)[..., 0]))
    assert read_spec(path) == spec
    assert read_golden(path).frame.shape == (24, 32, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_writing_keeps_graph_metadata_and_the_given_model(tmp_path, contract_model, spec_with):
    model, path = contract_model(), tmp_path / 'model.onnx'
    helper.set_model_props(model, {'author': 'someone'})
    before = model.SerializeToString()
    write_model(model, path, spec_with(), None)
    assert model.SerializeToString() == before
    assert read_model(path).graph == model.graph
    assert ('author', 'someone') in metadata(path)


def test_writing_again_replaces_specification_and_golden_frame(
    tmp_path, contract_model, spec_with, noise
):
    path = tmp_path / 'model.onnx'
    write_model(contract_model(), path, spec_with(), Golden(noise(8, 8), noise(8, 8)[..., 0]))
    write_model(read_model(path), path, spec_with(name='second'), None)
    assert [key for key, _ in metadata(path)] == ['swiftnet_ros.model_spec']
    assert read_spec(path).name == 'second'
    assert read_golden(path) is None


def test_same_model_has_the_same_bytes(tmp_path, contract_model, spec_with):
    for name in ('a', 'b'):
        write_model(contract_model(), tmp_path / name, spec_with(), None)
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


@pytest.mark.parametrize('read', [read_model, read_spec, read_golden])
def test_missing_file_raises(tmp_path, read):
    with pytest.raises(FileMissingError, match='model not found: .*no.onnx; check the path'):
        read(tmp_path / 'no.onnx')


NO_MODELS = [b'', b'not a model\n' * 20, bytes(range(256)) * 9]


@pytest.mark.parametrize('content', [0.001, 0.1, 0.5, 0.9, 0.999, *NO_MODELS])
def test_truncated_file_or_another_one_raises(tiny_path, content):
    whole = tiny_path.read_bytes()
    is_cut = isinstance(content, float)
    tiny_path.write_bytes(whole[: int(len(whole) * content)] if is_cut else content)
    with pytest.raises(InvalidModelError, match='or not an ONNX file; copy or') as error:
        read_spec(tiny_path)
    assert one_line(error)


def test_missing_specification_raises_with_the_command(tmp_path, contract_model):
    path = tmp_path / 'bare.onnx'
    onnx.save(contract_model(), str(path))
    with pytest.raises(MissingSpecError, match=f'python -m swiftnet_ros.model_spec {path} --cla'):
        read_spec(path)


def test_newer_specification_raises(tiny_path):
    model = onnx.load(str(tiny_path))
    model.metadata_props[0].value = model.metadata_props[0].value.replace(': 1', ': 2', 1)
    onnx.save(model, str(tiny_path))
    with pytest.raises(SpecVersionError, match='version 2'):
        read_spec(tiny_path)


def test_classes_that_do_not_match_the_channels_raise(tmp_path, contract_model, spec_with):
    model, path = contract_model(), tmp_path / 'model.onnx'
    helper.set_model_props(model, {'swiftnet_ros.model_spec': spec_with(class_count=6).to_json()})
    onnx.save(model, str(path))
    expected = (
        r"output is 'logits' float \[1, 5, 12, 16\], its specification expects "
        r"'logits' float \[1, 6, 12, 16\] \(6 classes at output stride 4\)"
    )
    with pytest.raises(InvalidModelError, match=expected) as error:
        read_spec(path)
    assert one_line(error)


@pytest.mark.parametrize(
    ('edge', 'received'),
    [
        (('image', TensorProto.FLOAT, [1, 48, 64, 3]), r"'image' float \[1, 48, 64, 3\]"),
        (('image', TensorProto.UINT8, [1, 3, 48, 64]), r"'image' uint8 \[1, 3, 48, 64\]"),
        (('image', TensorProto.UINT8, [1, 'h', 64, 3]), r"'image' uint8 \[1, 0, 64, 3\]"),
        (('pixels', TensorProto.UINT8, [1, 48, 64, 3]), r"'pixels' uint8 \[1, 48, 64, 3\]"),
    ],
)
def test_graph_with_another_input_raises(tmp_path, contract_model, spec_with, edge, received):
    model = contract_model()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info(*edge))
    model.graph.node[0].input[0] = edge[0]
    path = tmp_path / 'model.onnx'
    with pytest.raises(InvalidModelError, match=f'its input is {received}, its specification'):
        write_model(model, path, spec_with(), None)
    assert not path.exists()


def test_weights_listed_as_inputs_are_no_inputs(tmp_path, contract_model, spec_with):
    model = contract_model()
    kernel = helper.make_tensor_value_info('kernel', TensorProto.FLOAT, [5, 3, 4, 4])
    model.graph.input.append(kernel)
    write_model(model, tmp_path / 'model.onnx', spec_with(), None)
    assert read_spec(tmp_path / 'model.onnx') == spec_with()


def test_two_outputs_raise(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.graph.output.append(helper.make_tensor_value_info('planes', 1, [1, 3, 48, 64]))
    with pytest.raises(InvalidModelError, match="output is 'logits' .* and 'planes' "):
        write_model(model, tmp_path / 'model.onnx', spec_with(), None)


def test_opset_above_17_raises(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.opset_import[0].version = 18
    with pytest.raises(InvalidModelError, match='has opset 18, expected at most 17; export'):
        write_model(model, tmp_path / 'model.onnx', spec_with(), None)


@pytest.mark.parametrize(('before', 'after'), [(7, 7), (8, 8), (9, 8), (10, 8)])
def test_ir_is_lowered_to_8(tmp_path, contract_model, spec_with, before, after):
    model = contract_model()
    model.ir_version = before
    write_model(model, tmp_path / 'model.onnx', spec_with(), None)
    assert read_model(tmp_path / 'model.onnx').ir_version == after
    assert model.ir_version == before


def test_weights_that_need_a_newer_ir_raise(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.graph.initializer.append(helper.make_tensor('scale', TensorProto.FLOAT8E5M2, [1], [1.0]))
    with pytest.raises(InvalidModelError, match='weights of type FLOAT8E5M2, which IR 8 lacks'):
        write_model(model, tmp_path / 'model.onnx', spec_with(), None)


def test_graph_that_onnx_rejects_is_not_written(tmp_path, contract_model, spec_with):
    model = contract_model()
    model.graph.node[1].op_type = 'Transpoze'
    with pytest.raises(InvalidModelError, match='Transpoze') as error:
        write_model(model, tmp_path / 'model.onnx', spec_with(), None)
    assert one_line(error)


@pytest.fixture
def split_path(tmp_path, tiny_path):
    """Return a model whose weights are stored in a second file."""
    model = onnx.load(str(tiny_path))
    convert_model_to_external_data(model, location='weights.bin', size_threshold=0)
    path = tmp_path / 'split.onnx'
    onnx.save(model, str(path))
    return path


def test_weights_in_another_file_raise(split_path):
    with pytest.raises(InvalidModelError, match='are stored in another file; save it as one file'):
        read_spec(split_path)


def test_weights_in_another_file_are_joined_by_read_and_write(split_path, spec_with):
    whole = split_path.with_name('whole.onnx')
    write_model(read_model(split_path), whole, spec_with(), None)
    split_path.with_name('weights.bin').unlink()
    assert read_spec(whole) == spec_with()
    assert numpy_helper.to_array(read_model(whole).graph.initializer[0]).shape == (5, 3, 4, 4)


def test_missing_weights_file_raises(split_path):
    split_path.with_name('weights.bin').unlink()
    with pytest.raises(SwiftnetError, match='weights in another file cannot be read') as error:
        read_model(split_path)
    assert one_line(error)
