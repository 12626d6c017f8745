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

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_golden, read_model, read_model_file, read_spec

LOCATION = 'weights.bin'
ELSEWHERE = 'its weights are stored in another file; save it as one file'


def external(location=LOCATION, **entries):
    """Return a tensor of 4 bytes that are in another file."""
    tensor = TensorProto(name='more', data_type=TensorProto.UINT8, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {'location': location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def constant(tensor):
    return helper.make_node('Constant', [], ['more'], value=tensor)


def branch(node):
    """Return a node whose subgraph contains another node."""
    output = helper.make_tensor_value_info('more', TensorProto.UINT8, [4])
    graph = helper.make_graph([node], 'inner', [], [output])
    return helper.make_node('If', ['x'], ['y'], then_branch=graph, else_branch=graph)


def in_function(model, tensor):
    function = helper.make_function('own', 'F', [], ['more'], [constant(tensor)], [])
    model.functions.append(function)


def in_sparse(model, tensor):
    indices = numpy_helper.from_array(np.arange(4), 'indices')
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, indices, [4]))


# Where ONNX allows a tensor: puts one into a model.
PLACES = {
    'initializer': lambda model, tensor: model.graph.initializer.append(tensor),
    'constant': lambda model, tensor: model.graph.node.append(constant(tensor)),
    'list of tensors': lambda model, tensor: model.graph.node[0].attribute.append(
        onnx.AttributeProto(name='all', type=onnx.AttributeProto.TENSORS, tensors=[tensor])
    ),
    'subgraph': lambda model, tensor: model.graph.node.append(branch(constant(tensor))),
    'nested subgraph': lambda model, tensor: model.graph.node.append(
        branch(branch(constant(tensor)))
    ),
    'function': in_function,
    'sparse values': in_sparse,
    'training': lambda model, tensor: model.training_info.add().algorithm.initializer.append(
        tensor
    ),
}


@pytest.mark.parametrize('read', [read_spec, read_model_file, read_golden])
@pytest.mark.parametrize('place', PLACES.values(), ids=PLACES.keys())
def test_weights_elsewhere_raise_wherever_they_are_allowed(tiny_path, read, place):
    tiny_path.with_name(LOCATION).write_bytes(b'1234')
    model = onnx.load(str(tiny_path))
    place(model, external())
    tiny_path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModelError, match=ELSEWHERE):
        read(tiny_path)


def test_a_location_without_its_mark_is_elsewhere_too(tiny_path):
    model = onnx.load(str(tiny_path))
    model.graph.initializer[0].external_data.add(key='location', value=LOCATION)
    tiny_path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModelError, match=ELSEWHERE):
        read_spec(tiny_path)


@pytest.fixture
def foreign(tmp_path, contract_model):
    """Return a function that writes a model with a constant in another file."""

    def write(location=LOCATION, **entries):
        model = contract_model()
        model.graph.node.append(constant(external(location, **entries)))
        path = tmp_path / 'foreign.onnx'
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_constant_in_a_file_of_the_folder_is_read(tmp_path, foreign):
    (tmp_path / LOCATION).write_bytes(b'1234567')
    model = read_model(foreign(offset=2, length=4))
    assert model.graph.node[-1].attribute[0].t.raw_data == b'3456'


@pytest.mark.parametrize(
    ('location', 'entries', 'reason'),
    [
        ('../secret.bin', {}, 'is not in its folder, or is a link'),
        ('/etc/hostname', {}, 'is not in its folder, or is a link'),
        ('sub/weights.bin', {}, 'is not in its folder, or is a link'),
        ('..', {}, 'missing, or shorter'),
        ('link.bin', {}, 'is not in its folder, or is a link'),
        ('', {}, 'is not in its folder, or is a link'),
        ('none.bin', {}, 'none.bin is missing, or shorter'),
        (LOCATION, {'length': 10**15}, 'shorter than 1000000000000000 bytes'),
        (LOCATION, {'offset': -4}, 'missing, or shorter'),
        (LOCATION, {'length': 'x'}, 'invalid literal'),
        (LOCATION, {'length': 3}, '(has 3 bytes for uint8|cannot be read)'),
    ],
)
def test_other_files_are_not_read(tmp_path, foreign, location, entries, reason):
    (tmp_path / LOCATION).write_bytes(b'1234')
    (tmp_path / 'link.bin').symlink_to('/etc/hostname')
    with pytest.raises(InvalidModelError, match=f'cannot use model .*foreign.onnx: .*{reason}'):
        read_model(foreign(location, **entries))


def _set_type(model, data_type):
    model.graph.input[0].type.tensor_type.elem_type = data_type


def damaged(path, change):
    model = onnx.load(str(path))
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda model: model.graph.initializer[0].dims.append(1000), 'bytes for float'),
        (lambda model: model.graph.initializer[0].dims.append(-1), 'bytes for float'),
        (lambda model: model.graph.initializer[0].dims.__setitem__(0, 2**60), 'bytes for float'),
        (lambda model: model.graph.node.reverse(), 'no valid ONNX'),
        (lambda model: model.graph.node[1].ClearField('input'), 'no valid ONNX'),
        (lambda model: model.graph.node.add(op_type='Add', output=['x']), 'no valid ONNX'),
        (lambda model: model.graph.input[0].ClearField('type'), 'no valid ONNX'),
        (lambda model: _set_type(model, 99), "input is 'image' type 99"),
    ],
)
@pytest.mark.parametrize('read', [read_spec, read_model_file])
def test_graph_that_is_no_network_raises(tiny_path, change, reason, read):
    with pytest.raises(InvalidModelError, match=f'cannot use model {tiny_path}: .*{reason}'):
        read(damaged(tiny_path, change))


def test_name_that_is_not_utf_8_raises(tiny_path):
    content = tiny_path.read_bytes()
    assert b'planes' in content
    tiny_path.write_bytes(content.replace(b'planes', b'pl\xffnes'))
    with pytest.raises(InvalidModelError, match='it is empty, truncated or not an ONNX file'):
        read_spec(tiny_path)


def test_specification_that_is_no_json_names_the_file(tiny_path):
    def change(model):
        model.metadata_props[0].value = '[' * 100_000

    with pytest.raises(InvalidModelError, match=f'cannot use model {tiny_path}: .*nested deeper'):
        read_spec(damaged(tiny_path, change))
