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

"""The network whose predictions become labels: a checkpoint, ONNX or TensorFlow Lite."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file, OpenedModel
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.labels import Logits, Pixels
from swiftnet_ros.errors import NonFiniteLogitsError, OptionConflictError
from swiftnet_ros.model_spec import SemanticClass
from swiftnet_ros.system.image_size import Size
from swiftnet_ros.system.paths import expand_path
import torch
from training.pseudo_labels.class_map import LabelMap, named_classes
from training.pseudo_labels.tflite import TFLITE_SUFFIX, TfliteFile
from training.run.checkpoint import Checkpoint, load_checkpoint, weights_sha256

# Encoders reduce sides to a 32nd.
_MULTIPLE = 32
# The mean gray of ImageNet.
_MARGIN = 117


class TeacherModel(ABC):
    """A network with its classes, its input size (height, width), and its file's SHA-256."""

    classes: Sequence[SemanticClass]
    size: Size
    sha256: str

    @abstractmethod
    def probabilities(self, image: Pixels, scale: float) -> Logits:
        """Return probabilities [C, h, w] of an image RGB [H, W, 3], seen at a scale."""

    def averaged(self, image: Pixels, scales: Sequence[float], flip: bool) -> Logits:
        """Return probabilities [C, H, W] at the size of an image, the mean over its views."""
        views = [resized(self.probabilities(image, scale), self.size) for scale in scales]
        if flip:
            mirrored = np.ascontiguousarray(image[:, ::-1])
            views += [
                resized(self.probabilities(mirrored, scale), self.size)[..., ::-1]
                for scale in scales
            ]
        return resized(np.mean(views, axis=0, dtype=np.float32), image.shape[:2])


class CheckpointTeacher(TeacherModel):
    """A checkpoint, whose input is resized to a scale."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Build the network on the CPU."""
        self.sha256 = weights_sha256(checkpoint)
        self.classes, self.size = checkpoint.classes, (checkpoint.height, checkpoint.width)
        self._network = checkpoint.network().eval()

    def probabilities(self, image: Pixels, scale: float) -> Logits:
        """Return probabilities [C, h, w] at the stride of the network."""
        height, width = (max(1, round(scale * side / _MULTIPLE)) * _MULTIPLE for side in self.size)
        pixels = torch.from_numpy(to_network_input(Frame(image), height, width))
        with torch.inference_mode():
            logits = self._network(pixels.permute(0, 3, 1, 2))[0].float().numpy()
        return softmax(logits, 'the checkpoint', 'fp32')


class FixedSizeTeacher(TeacherModel):
    """
    A network of one input size.

    At a scale above 1 it sees overlapping parts of the image, below 1 the image in a gray margin.
    """

    @abstractmethod
    def predict(self, pixels: npt.NDArray[np.uint8]) -> Logits:
        """Return probabilities [C, h, w] of a network input uint8 [1, H, W, 3]."""

    def probabilities(self, image: Pixels, scale: float) -> Logits:
        """Return probabilities [C, h, w], at a scale of 1 as the network returns them."""
        height, width = (max(1, round(scale * side)) for side in self.size)
        pixels = to_network_input(Frame(image), height, width)
        if (height, width) == self.size:
            return self.predict(pixels)
        canvas = np.full((1, *np.maximum((height, width), self.size), 3), _MARGIN, np.uint8)
        total = np.zeros((len(self.classes), *canvas.shape[1:3]), np.float32)
        count = np.zeros(canvas.shape[1:3], np.float32)
        inner = (_centered(canvas.shape[1], height), _centered(canvas.shape[2], width))
        canvas[0][inner] = pixels[0]
        for rows in _windows(canvas.shape[1], self.size[0]):
            for columns in _windows(canvas.shape[2], self.size[1]):
                part = np.ascontiguousarray(canvas[:, rows, columns])
                total[:, rows, columns] += resized(self.predict(part), self.size)
                count[rows, columns] += 1
        return np.asarray((total / count)[(slice(None), *inner)])


class BackendTeacher(FixedSizeTeacher):
    """An ONNX file with a model specification, run as on the robot."""

    def __init__(self, opened: OpenedModel) -> None:
        """Own an open backend."""
        self._backend, spec = opened.backend, opened.backend.spec
        self.sha256 = opened.model.sha256
        self.classes, self.size = spec.classes, (spec.input_height, spec.input_width)

    def predict(self, pixels: npt.NDArray[np.uint8]) -> Logits:
        """Return probabilities [C, h, w] of a network input."""
        logits = self._backend.infer(pixels)
        return softmax(logits, self._backend.spec.name, self._backend.precision)


class TfliteTeacher(FixedSizeTeacher):
    """A TensorFlow Lite file, whose classes the label map names."""

    def __init__(self, file: TfliteFile, classes: Sequence[SemanticClass]) -> None:
        """Own an open file."""
        self._file, self.sha256 = file, file.sha256
        self.classes, self.size = classes, file.size

    def predict(self, pixels: npt.NDArray[np.uint8]) -> Logits:
        """Return probabilities, 0 or 1 for a file that returns class ids."""
        scores = self._file.scores(pixels, len(self.classes))
        is_normal = scores.min() >= 0 and np.allclose(scores.sum(0), 1, atol=0.02)
        return scores if is_normal else softmax(scores, self._file.path.name, 'tflite')


def open_teacher(
    model: str, label_map: LabelMap, precision: str = 'auto', threads: int = 0
) -> TeacherModel:
    """
    Open a .pt, .onnx or .tflite file, or a shipped model by its name.

    Raise OptionConflictError if the label map names classes for a model that has its own.
    """
    path = Path(expand_path(model))
    if path.suffix == TFLITE_SUFFIX:
        return TfliteTeacher(TfliteFile(path, threads), named_classes(label_map, path))
    if label_map.model_classes is not None:
        raise OptionConflictError('model_classes of the label map', f'{model}, which has its own')
    if path.suffix != '.pt':
        options = BackendOptions(engine='openvino', precision=precision, threads=threads)
        return BackendTeacher(open_model_file(model, options))
    if threads:
        torch.set_num_threads(threads)
    return CheckpointTeacher(load_checkpoint(path))


def softmax(logits: Logits, model: str, precision: str) -> Logits:
    """Return the probabilities of logits [C, h, w]; raise NonFiniteLogitsError for NaN."""
    if not np.isfinite(logits).all():
        raise NonFiniteLogitsError(model, precision)
    powers = np.exp(logits - logits.max(0))
    return np.asarray(powers / powers.sum(0), np.float32)


def resized(planes: Logits, size: Sequence[int]) -> Logits:
    """Return planes [C, H, W] of a size, (height, width): bilinear, half-pixel centers."""
    height, width = size
    if planes.shape[1:] == (height, width):
        return planes
    resize = [cv2.resize(np.ascontiguousarray(plane), (width, height)) for plane in planes]
    return np.stack(resize).astype(np.float32, copy=False)


def _centered(length: int, size: int) -> slice:
    start = (length - size) // 2
    return slice(start, start + size)


def _windows(length: int, size: int) -> Iterator[slice]:
    """Yield evenly spaced intervals of `size` that cover a length."""
    count = math.ceil(length / size)
    for start in np.linspace(0, length - size, count).round().astype(int).tolist():
        yield slice(start, start + size)
