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

"""Find weights that are NaN or infinite, which a training that diverged leaves in a file."""

from itertools import chain
from typing import Iterator, Tuple

import numpy as np
import onnx
from onnx import numpy_helper, TensorProto
from swiftnet_ros.errors import InvalidModelError

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
# Infinite constants of other operators can be meant, such as the bounds of a Clip.
_LAYERS = {
    'BatchNormalization',
    'Conv',
    'ConvTranspose',
    'DequantizeLinear',
    'Gemm',
    'MatMul',
    'QuantizeLinear',
}


def check_finite_weights(model: onnx.ModelProto, path: object) -> None:
    """Raise InvalidModelError for a weight that is NaN, or infinite in a layer, with its name."""
    layers = (node for node in model.graph.node if node.op_type in _LAYERS)
    of_layers = {name for node in layers for name in node.input}
    for name, weight in _float_weights(model):
        values = _values(name, weight, path)
        # Reductions are faster than masks; the sum of a NaN and any number is NaN.
        with np.errstate(over='ignore', invalid='ignore'):
            is_sound = bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())
        if not is_sound and (name in of_layers or bool(np.isnan(values).any())):
            reason = f'weight {name} is NaN or infinite; train or export it again'
            raise InvalidModelError(path, reason)


def _float_weights(model: onnx.ModelProto) -> Iterator[Tuple[str, TensorProto]]:
    """Yield the names and values of initializers and constants of a float type, if stored here."""
    constants = (
        (node.output[0], attribute.t)
        for node in model.graph.node
        if node.op_type == 'Constant'
        for attribute in node.attribute
        if attribute.name == 'value'
    )
    stored = ((weight.name, weight) for weight in model.graph.initializer)
    for name, weight in chain(stored, constants):
        if weight.data_type in _FLOATS and weight.data_location != TensorProto.EXTERNAL:
            yield name, weight


def _values(name: str, weight: TensorProto, path: object) -> np.ndarray:
    try:
        return np.asarray(numpy_helper.to_array(weight))
    except (TypeError, ValueError) as error:
        raise InvalidModelError(path, f'weight {name} is damaged; export it again') from error
