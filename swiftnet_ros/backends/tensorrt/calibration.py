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

"""Calibration of implicit INT8: a calibration cache, a file of ranges, or a folder of images."""

import hashlib
import math
import os
from pathlib import Path
import struct
from typing import Callable, Dict, List, Optional, Set, Tuple, TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.cuda.device import import_pycuda
from swiftnet_ros.backends.tensorrt.api import implement
from swiftnet_ros.backends.tensorrt.source import Source
from swiftnet_ros.core.frames import to_network_input
from swiftnet_ros.core.image_files import read_image
from swiftnet_ros.core.image_listing import find_files, image_files, IMAGE_SUFFIXES
from swiftnet_ros.errors import CalibrationMismatchError, InvalidTextError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.file_reader import read_content
from swiftnet_ros.system.json_reader import read_json_object

if TYPE_CHECKING:
    import onnx
    from pycuda import driver
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

_RANGES_SUFFIX = '.json'
# calibrator -> class of TensorRT
_CALIBRATORS = {'entropy2': 'IInt8EntropyCalibrator2', 'minmax': 'IInt8MinMaxCalibrator'}
_COMMAND = 'python -m training quantize --tensorrt-tables'
_MAX_IMAGE_BYTES = 1 << 28
_EXPECTED = f'a table created with: {_COMMAND}'


def calibration_sha256(path: Optional[Path]) -> Optional[str]:
    """Return the hash of a file's content, or of the names and contents of a folder's images."""
    if path is None:
        return None
    digest = hashlib.sha256()
    is_folder = path.is_dir()
    for file in find_files(path, IMAGE_SUFFIXES, 'images').files if is_folder else [path]:
        digest.update(os.fsencode(file.name) if is_folder else b'')
        content = read_content(file, 'calibration', _MAX_IMAGE_BYTES)
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def apply_calibration(
    trt: 'TensorRt',
    config: 'tensorrt.IBuilderConfig',
    network: 'tensorrt.INetworkDefinition',
    model: 'onnx.ModelProto',
    source: Source,
    calibrator: str,
) -> Callable[[], None]:
    """
    Set the ranges or the calibrator of a source, if it has a calibration.

    Call the returned function after the build: it frees the GPU memory of calibration images and
    raises the error of an image that could not be read.
    """
    path = source.calibration
    if path is None:
        return lambda: None
    if path.is_dir():
        batches = CalibrationBatches(path, source.model.spec)
        kind = getattr(trt, _CALIBRATORS[calibrator])
        config.int8_calibrator = implement(kind, _Calibrator, None, batches.next_address)
        return batches.finish
    if path.suffix == _RANGES_SUFFIX:
        _set_ranges(network, _read_ranges(path, model))
    else:
        kind, cache = trt.IInt8EntropyCalibrator2, _read_cache(path, model)
        config.int8_calibrator = implement(kind, _Calibrator, cache)
    return lambda: None


class CalibrationBatches:
    """The images of a folder as batches of one, in a buffer on the GPU."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        """List the images; each is read when TensorRT requests it."""
        self._files = iter(image_files(folder))
        self._spec = spec
        self._error: Optional[Exception] = None
        self._cuda = import_pycuda()
        self._cuda.init()
        self._context = self._cuda.Device(0).retain_primary_context()
        self._buffer: Optional[driver.DeviceAllocation] = None

    def next_address(self) -> Optional[int]:
        """
        Upload the next image and return its address on the GPU, or None after the last.

        TensorRT would hide an exception, so it ends the batches and is kept for `finish`.
        """
        path = None if self._error is not None else next(self._files, None)
        if path is None:
            return None
        try:
            frame = read_image(path)
            image = to_network_input(frame, self._spec.input_height, self._spec.input_width)
            return self._upload(np.ascontiguousarray(image))
        except Exception as error:
            self._error = error
            return None

    def finish(self) -> None:
        """Free the buffer; raise the error that ended the batches, if any."""
        if self._buffer is not None:
            self._context.push()
            self._buffer.free()
            self._context.pop()
            self._buffer = None
        if self._error is not None:
            raise self._error

    def _upload(self, image: npt.NDArray[np.uint8]) -> int:
        self._context.push()
        try:
            if self._buffer is None:
                self._buffer = self._cuda.mem_alloc(image.nbytes)
            self._cuda.memcpy_htod(int(self._buffer), image)
        finally:
            self._context.pop()
        return int(self._buffer)


class _Calibrator:
    """An IInt8Calibrator that has a calibration cache, or images if it is None."""

    def __init__(
        self, cache: Optional[bytes], next_address: Callable[[], Optional[int]] = lambda: None
    ) -> None:
        self._cache, self._next_address = cache, next_address

    def get_batch_size(self) -> int:
        """Return 1: one image at a time needs least memory."""
        return 1

    def get_batch(self, names: List[str]) -> Optional[List[int]]:
        """Return the address of the next image, None after the last."""
        address = self._next_address()
        return None if address is None else [address]

    def read_calibration_cache(self) -> Optional[bytes]:
        """Return the cache; None, so that the images are used."""
        return self._cache

    def write_calibration_cache(self, cache: bytes) -> None:
        """Ignore the cache: it was read from a file, or the engine itself is kept."""


def _read_cache(path: Path, model: 'onnx.ModelProto') -> bytes:
    """Return a calibration cache; raise CalibrationMismatchError if it is for another model."""
    content = read_content(path, 'calibration')
    header, *lines = content.split(b'\n')
    if not header.startswith(b'TRT-'):
        raise InvalidValueError('calibration', str(path), _EXPECTED)
    scales = dict(_name_and_scale(line, path) for line in lines if line)
    _check_names(path, set(scales), model)
    return content


def _name_and_scale(line: bytes, path: Path) -> Tuple[str, float]:
    """Return a tensor and its scale: `name: ` and the digits of a big-endian float in hex."""
    try:
        name, digits = line.rsplit(b':', 1)
        (scale,) = struct.unpack('>f', int(digits, 16).to_bytes(4, 'big'))
    except (ValueError, OverflowError) as error:
        raise InvalidValueError('calibration', str(path), _EXPECTED) from error
    if not 0 <= scale < math.inf:
        raise InvalidValueError('calibration', str(path), _EXPECTED)
    return name.decode(errors='replace'), scale


def _read_ranges(path: Path, model: 'onnx.ModelProto') -> Dict[str, Tuple[float, float]]:
    """Return tensor -> (low, high); raise CalibrationMismatchError if they are for another."""
    try:
        tree = read_json_object(path, 'calibration')
        ranges = {name: (float(low), float(high)) for name, (low, high) in tree.items()}
    except (InvalidTextError, ValueError, TypeError) as error:
        raise InvalidValueError('calibration', str(path), _EXPECTED) from error
    if not all(low < high for low, high in ranges.values()):
        raise InvalidValueError('calibration', str(path), _EXPECTED)
    _check_names(path, set(ranges), model)
    return ranges


def _set_ranges(
    network: 'tensorrt.INetworkDefinition', ranges: Dict[str, Tuple[float, float]]
) -> None:
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for number in range(layer.num_outputs):
            tensor = layer.get_output(number)
            if tensor.name in ranges:
                tensor.set_dynamic_range(*ranges[tensor.name])


def _check_names(path: Path, names: Set[str], model: 'onnx.ModelProto') -> None:
    if not names & {name for node in model.graph.node for name in node.output}:
        raise CalibrationMismatchError(path, _COMMAND)
