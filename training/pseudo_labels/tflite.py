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

"""TensorFlow Lite files, which ai-edge-litert runs: teachers that others have trained."""

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import Logits
from swiftnet_ros.errors import EngineUnavailableError, InvalidModelError
from swiftnet_ros.system.file_reader import read_content
from swiftnet_ros.system.library_errors import library_errors

TFLITE_SUFFIX = '.tflite'
_INSTALL = "install it: pip install 'swiftnet_ros[tflite]', or ai-edge-litert"
_MAX_BYTES = 1 << 30
_AS_ONNX = 'convert the network to ONNX and add a specification: python -m swiftnet_ros.model_spec'


class TfliteFile:
    """An open file with one image uint8 [1, H, W, 3] as its input; `size` is (height, width)."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """
        Open a file.

        Raise EngineUnavailableError without ai-edge-litert, FileMissingError, UnreadableFileError
        or InvalidModelError for a file that it cannot run.
        """
        self.path = path
        content = read_content(path, 'model', _MAX_BYTES)
        self.sha256 = hashlib.sha256(content).hexdigest()
        with self._errors():
            self._network: Any = _interpreter()(model_content=content, num_threads=threads or None)
            self._network.allocate_tensors()
            images, results = self._network.get_input_details(), self._network.get_output_details()
        if len(images) != 1 or len(results) != 1:
            reason = f'it has {len(images)} inputs and {len(results)} outputs, expected one each'
            raise InvalidModelError(path, reason)
        self._image, self._result = images[0], results[0]
        shape, kind = list(self._image['shape']), np.dtype(self._image['dtype'])
        if kind != np.uint8 or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
            reason = f'its input is {kind} {shape}, expected uint8 [1, H, W, 3]; {_AS_ONNX}'
            raise InvalidModelError(path, reason)
        self.size = (int(shape[1]), int(shape[2]))

    def scores(self, pixels: npt.NDArray[np.uint8], classes: int) -> Logits:
        """
        Return scores [C, h, w] of a network input uint8 [1, H, W, 3].

        For a file that returns class ids they are 1 for that class, else 0; other ids have no
        class. Raise InvalidModelError if it has another number of classes.
        """
        with self._errors():
            self._network.set_tensor(self._image['index'], pixels)
            self._network.invoke()
            result = np.asarray(self._network.get_tensor(self._result['index']))
        if result.ndim == 4 and result.shape[3] == 1 != classes:
            result = result[..., 0]
        if result.ndim == 3 and result.dtype.kind in 'iu':
            ids = np.arange(classes).reshape(-1, 1, 1)
            return np.asarray(result[0] == ids, np.float32)
        if result.ndim != 4 or result.shape[3] != classes:
            expected = f'class ids [1, h, w] or scores [1, h, w, {classes}]'
            reason = f'it returns {result.dtype} {list(result.shape)}, expected {expected}'
            raise InvalidModelError(self.path, reason)
        scale, zero = self._result.get('quantization') or (0.0, 0)
        scores = result[0].transpose(2, 0, 1).astype(np.float32)
        return np.asarray(scale * (scores - zero) if scale else scores, np.float32)

    def _errors(self) -> Any:
        return library_errors(lambda reason: InvalidModelError(self.path, reason))


def _interpreter() -> Any:
    try:
        return import_module('ai_edge_litert.interpreter').Interpreter
    except ImportError as error:
        raise EngineUnavailableError('tflite', f'{error}; {_INSTALL}') from error
