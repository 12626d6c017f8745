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

"""Scales for implicit INT8: a calibration cache, a table of ranges, or images."""

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnx
from swiftnet_ros.backends.tensorrt.api import derive
from swiftnet_ros.backends.tensorrt.source import Source
from swiftnet_ros.core.frames import to_network_input
from swiftnet_ros.core.image_files import image_files, read_image
from swiftnet_ros.errors import EngineUnavailableError, FileMissingError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

_RANGES = '.json'
# calibrator -> TensorRT's class
_CLASSES = {'entropy2': 'IInt8EntropyCalibrator2', 'minmax': 'IInt8MinMaxCalibrator'}
_EXPECTED = 'a table made with: python -m training quantize --tensorrt-tables'


def calibration_sha256(path: Optional[Path]) -> Optional[str]:
    """Hash a calibration: a file by its bytes, a folder by names and bytes of its images."""
    if path is None:
        return None
    digest = hashlib.sha256()
    for file in image_files(path) if path.is_dir() else [_file(path)]:
        digest.update(file.name.encode() if path.is_dir() else b'')
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def apply_calibration(
    trt: 'TensorRt',
    config: 'tensorrt.IBuilderConfig',
    network: 'tensorrt.INetworkDefinition',
    model: onnx.ModelProto,
    source: Source,
    calibrator: str,
) -> Callable[[], None]:
    """
    Give TensorRT the scales of a source, if they are not in the file itself.

    Call the answer after the build, to hear what went wrong with the images.
    """
    path = source.calibration
    if path is None:
        return lambda: None
    if path.is_dir():
        pictures = Pictures(path, source.spec)
        kind = getattr(trt, _CLASSES[calibrator])
        config.int8_calibrator = derive(kind, _ScalesOfPictures, pictures)
        return pictures.raise_error
    if path.suffix == _RANGES:
        _set_ranges(network, read_ranges(path, model))
    else:
        kind, cache = trt.IInt8EntropyCalibrator2, read_cache(path, model)
        config.int8_calibrator = derive(kind, _CachedScales, cache)
    return lambda: None


def read_cache(path: Path, model: onnx.ModelProto) -> bytes:
    """Read a calibration cache, which has to hold scales of this model's tensors."""
    content = _file(path).read_bytes()
    header, *lines = content.split(b'\n')
    if not header.startswith(b'TRT-'):
        raise InvalidValueError('calibration', str(path), _EXPECTED)
    _check_names(
        path, {line.rpartition(b':')[0].decode(errors='replace') for line in lines}, model
    )
    return content


def read_ranges(path: Path, model: onnx.ModelProto) -> Dict[str, Tuple[float, float]]:
    """Read tensor -> [low, high], which has to hold tensors of this model."""
    try:
        tree = json.loads(_file(path).read_text(encoding='utf-8'))
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in tree.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidValueError('calibration', str(path), _EXPECTED) from error
    _check_names(path, set(ranges), model)
    return ranges


class Pictures:
    """The images of a folder, one after another in one buffer on the GPU."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        """List the images; nothing is read before TensorRT asks."""
        self._files = image_files(folder)
        self._spec = spec
        self._next = 0
        self._error: Optional[BaseException] = None
        self._driver = _pycuda()
        self._driver.init()
        self._context = self._driver.Device(0).retain_primary_context()
        self._buffer: Any = None

    def next_address(self) -> Optional[int]:
        """
        Upload the next image; give its address on the GPU, None after the last.

        TensorRT takes an error for the end of the images: it is kept for `raise_error`.
        """
        if self._next >= len(self._files) or self._error is not None:
            return None
        try:
            frame = read_image(self._files[self._next])
            image = to_network_input(frame, self._spec.input_height, self._spec.input_width)
            self._next += 1
            return self._upload(np.ascontiguousarray(image))
        except Exception as error:
            self._error = error
            return None

    def raise_error(self) -> None:
        """Free the buffer; raise what went wrong while TensorRT was calling."""
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
                self._buffer = self._driver.mem_alloc(image.nbytes)
            self._driver.memcpy_htod(self._buffer, image)
        finally:
            self._context.pop()
        return int(self._buffer)


class _CachedScales:
    """A calibrator that has its scales already."""

    def __init__(self, cache: bytes) -> None:
        self._cache = cache

    def get_batch_size(self) -> int:
        """Give 1; there are no batches."""
        return 1

    def get_batch(self, names: List[str]) -> Optional[List[int]]:
        """End at once; only scales that the cache lacks would be measured."""
        return None

    def read_calibration_cache(self) -> Optional[bytes]:
        """Give the scales."""
        return self._cache

    def write_calibration_cache(self, cache: bytes) -> None:
        """Keep nothing: it came from there."""


class _ScalesOfPictures:
    """A calibrator that shows TensorRT images."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def get_batch_size(self) -> int:
        """Give 1: one image at a time is enough and needs least memory."""
        return 1

    def get_batch(self, names: List[str]) -> Optional[List[int]]:
        """Give the address of the next image, None after the last."""
        address = self._pictures.next_address()
        return None if address is None else [address]

    def read_calibration_cache(self) -> Optional[bytes]:
        """Give nothing, so that the images are used."""
        return None

    def write_calibration_cache(self, cache: bytes) -> None:
        """Keep nothing: the engine itself is kept."""


def _set_ranges(
    network: 'tensorrt.INetworkDefinition', ranges: Dict[str, Tuple[float, float]]
) -> None:
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for number in range(layer.num_outputs):
            tensor = layer.get_output(number)
            if tensor.name in ranges:
                tensor.set_dynamic_range(*ranges[tensor.name])


def _check_names(path: Path, names: Set[str], model: onnx.ModelProto) -> None:
    if not names & {name for node in model.graph.node for name in node.output}:
        raise InvalidValueError('calibration', str(path), f'scales of this model, {_EXPECTED}')


def _file(path: Path) -> Path:
    if not path.is_file():
        raise FileMissingError(path, 'calibration')
    return path


def _pycuda() -> ModuleType:
    try:
        from pycuda import driver
    except ImportError as error:
        why = f'calibration with images needs pycuda ({error}): pip install pycuda'
        raise EngineUnavailableError('tensorrt', why) from error
    return driver
