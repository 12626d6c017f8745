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

"""Read an ONNX file where it is needed: a robot that runs a built engine needs no onnx."""

from importlib import import_module
from pathlib import Path
from typing import Union

from swiftnet_ros.errors import OnnxMissingError
from swiftnet_ros.model_spec.model_file import ModelFile


def read_model_file(path: Union[str, Path]) -> ModelFile:
    """
    Return an ONNX file, read once, whose graph agrees with its specification, or raise.

    OnnxMissingError if the Python module onnx cannot be imported.
    """
    try:
        onnx_file = import_module('swiftnet_ros.model_spec.onnx_file')
    except ImportError as error:
        raise OnnxMissingError(path, error) from error
    result: ModelFile = onnx_file.read_model_file(path)
    return result
