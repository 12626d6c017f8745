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

"""A TensorFlow Lite file of one operator: ids or scores of 3 classes from the colors."""

from pathlib import Path

import numpy as np

SIZE = (24, 32)


def write_tflite(path: Path, returns: str = 'ids', kind: str = 'UINT8') -> Path:
    """Write a file that returns the largest channel's `ids`, or the channels as `scores`."""
    import ai_edge_litert.schema_py_generated as schema
    import flatbuffers

    image = _tensor(schema, 'image', [1, *SIZE, 3], kind)
    image.quantization = schema.QuantizationParametersT()
    image.quantization.scale, image.quantization.zeroPoint = [1 / 16], [0]
    tensors, operator = [image], schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    if returns == 'ids':
        axis = _tensor(schema, 'axis', [], 'INT32')
        axis.buffer = 1
        tensors += [_tensor(schema, 'ids', [1, *SIZE], 'INT64'), axis]
        operator.inputs = [0, 2]
        operator.builtinOptionsType = schema.BuiltinOptions.ArgMaxOptions
        operator.builtinOptions = schema.ArgMaxOptionsT()
        operator.builtinOptions.outputType = schema.TensorType.INT64
        code = schema.BuiltinOperator.ARG_MAX
    else:
        tensors.append(_tensor(schema, 'scores', [1, *SIZE, 3], 'FLOAT32'))
        code = schema.BuiltinOperator.DEQUANTIZE
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [0], [1]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [schema.OperatorCodeT()]
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = code
    model.operatorCodes[0].version = 2 if returns == 'scores' else 1
    model.buffers = [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = list(np.array([3], np.int32).tobytes())
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b'TFL3')
    path.write_bytes(bytes(builder.Output()))
    return path


def _tensor(schema, name: str, shape: list, kind: str):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, shape, 0
    tensor.type = getattr(schema.TensorType, kind)
    return tensor
