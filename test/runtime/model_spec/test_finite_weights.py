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

"""Weights of ONNX files must be numbers; infinite bounds of other operators may be meant."""

from helpers.tiny_model import write_tiny_model
import numpy as np
from onnx import helper, numpy_helper, TensorProto
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_model, read_model_file, read_spec, write_model


@pytest.fixture
def path(tmp_path):
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


def with_bias(path, number):
    """Return the model with one element of the bias changed."""
    model = read_model(path)
    bias = next(item for item in model.graph.initializer if item.name == 'bias')
    values = numpy_helper.to_array(bias).copy()
    values[1] = number
    bias.CopyFrom(numpy_helper.from_array(values, 'bias'))
    return model


@pytest.mark.parametrize('number', [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_raises_with_its_name(path, number):
    model, spec = with_bias(path, number), read_spec(path)
    with pytest.raises(InvalidModelError, match='weight bias is NaN or infinite; train or export'):
        write_model(model, path, spec, None)
    path.write_bytes(model.SerializeToString())
    for read in (read_model, read_model_file, open_backend):
        with pytest.raises(InvalidModelError, match=r'tiny.onnx: weight bias is NaN or infinite'):
            read(path)


@pytest.mark.parametrize(('number', 'is_sound'), [(np.inf, True), (np.nan, False)])
def test_only_nan_is_wrong_in_a_constant_of_another_operator(path, number, is_sound):
    model, spec = read_model(path), read_spec(path)
    constant = helper.make_tensor('bound', TensorProto.FLOAT, [], [number])
    model.graph.node.insert(0, helper.make_node('Constant', [], ['highest'], value=constant))
    cells = next(node for node in model.graph.node if node.op_type == 'AveragePool')
    cells.output[0] = 'unbounded'
    clip = helper.make_node('Clip', ['unbounded', '', 'highest'], ['cells'])
    model.graph.node.insert(len(model.graph.node) - 1, clip)
    if is_sound:
        write_model(model, path, spec, None)
        open_backend(path).close()
    else:
        with pytest.raises(InvalidModelError, match='weight highest is NaN'):
            write_model(model, path, spec, None)
