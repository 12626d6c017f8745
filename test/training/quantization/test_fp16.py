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

"""FP16 files are strongly typed, keep the contract, and predict nearly the same as FP32."""

from pathlib import Path

from helpers.tiny_quantized import export_tiny, MODELS
from helpers.tiny_training import command_json
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_golden, read_model, read_spec
from swiftnet_ros.model_spec.contract import check_graph
from training.__main__ import main
from training.quantization.fp16 import to_fp16, write_fp16

FLOAT, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


@pytest.fixture(scope='module', params=MODELS)
def files(request, tmp_path_factory) -> tuple[Path, Path, float]:
    """Return an FP32 file, its FP16 file, and the agreement of their labels."""
    folder = tmp_path_factory.mktemp('fp16')
    source, out = export_tiny(folder, MODELS[request.param]), folder / 'tiny.fp16.onnx'
    return source, out, write_fp16(source, out)


def test_contract_holds_and_only_the_precision_differs(files):
    source, out, agreement = files
    assert agreement > 0.99
    spec = read_spec(out)
    check_graph(read_model(out), spec, out)
    assert spec.precision == 'fp16'
    assert np.array_equal(read_golden(out).labels, read_golden(source).labels)
    sizes = [
        sum(
            len(numpy_helper.to_array(item).tobytes())
            for item in read_model(path).graph.initializer
        )
        for path in (source, out)
    ]
    assert sizes[1] < 0.55 * sizes[0]


def test_every_tensor_between_image_and_logits_is_fp16(files):
    model = onnx.shape_inference.infer_shapes(read_model(files[1]), strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    assert FLOAT not in kinds.values()
    assert list(kinds.values()).count(HALF) > 30
    last = model.graph.node[-1]
    assert (last.op_type, list(last.output)) == ('Cast', ['logits'])
    assert FLOAT not in {item.data_type for item in model.graph.initializer}


def test_shared_weights_remain_shared(files):
    def weights(path: Path) -> list[str]:
        return [node.input[1] for node in read_model(path).graph.node if node.op_type == 'Conv']

    source, out, _ = files
    assert len(set(weights(source))) == len(set(weights(out)))


def test_norms_have_a_variance_of_1(files):
    model = read_model(files[1])
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == 'BatchNormalization':
            assert (constants[node.input[4]] == 1).all()


def test_weight_too_large_for_fp16_raises(files):
    model = read_model(files[0])
    name = next(node.input[1] for node in model.graph.node if node.op_type == 'Conv')
    weight = next(item for item in model.graph.initializer if item.name == name)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1e6, name))
    with pytest.raises(InvalidModelError, match=f'weight {name} does not fit into fp16'):
        to_fp16(model, 'a.onnx')


def test_command_prints_the_agreement_and_accepts_fp32_only(capsys, files, tmp_path):
    source, half, agreement = files
    result = command_json(capsys, 'fp16', source, '-o', tmp_path / 'a.onnx')
    assert result == {'agreement': agreement}
    assert main(['fp16', str(half), '-o', str(tmp_path / 'b.onnx')]) == 1
    assert 'it is fp16 already; convert the original fp32 file' in capsys.readouterr().err
