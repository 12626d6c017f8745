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


"""Measure a quantized network beside the float one, through the runtime's engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core import metrics
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.model_spec import ModelSpec, read_golden, write
from swiftnet_ros.segmenter import Segmenter
from training.quantization.calibration_images import Pictures


@dataclass(frozen=True)
class Score:
    """mIoU, None without labels, and the share of pixels with the float network's label."""

    miou: float | None
    agreement: float

    @property
    def points(self) -> float:
        """Give what is compared, in percent: mIoU, or agreement where there are no labels."""
        return 100 * (self.agreement if self.miou is None else self.miou)


class Scorer:
    """The pictures to measure on, and what the float network says of them."""

    def __init__(self, pictures: Pictures, float_model: Path, spec: ModelSpec) -> None:
        self._pictures = pictures
        self._spec = spec
        # As PNG: the labels of a whole split fit into memory.
        self._expected: list[npt.NDArray[np.uint8]] = []
        with _segmenter(float_model) as segmenter:
            for index in range(len(pictures)):
                labels = segmenter.segment(pictures[index].image).labels
                self._expected.append(np.asarray(cv2.imencode('.png', labels)[1], np.uint8))
        self.before = self._score(None)

    def score(self, model: onnx.ModelProto) -> Score:
        """Measure a network that keeps the same specification."""
        with self._candidate(model) as segmenter:
            return self._score(segmenter)

    def golden_agreement(self, model: onnx.ModelProto, float_model: Path) -> float | None:
        """Give the share of the float file's golden frame that keeps its label."""
        golden = read_golden(float_model)
        if golden is None:
            return None
        with self._candidate(model) as segmenter:
            return float(np.mean(segmenter.segment(golden.frame).labels == golden.labels))

    @contextmanager
    def _candidate(self, model: onnx.ModelProto) -> Iterator[Segmenter]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / 'candidate.onnx'
            write(model, path, self._spec, None)
            with _segmenter(path) as segmenter:
                yield segmenter

    def _float_labels(self, index: int) -> Labels:
        return np.asarray(cv2.imdecode(self._expected[index], cv2.IMREAD_UNCHANGED))

    def _score(self, segmenter: Segmenter | None) -> Score:
        """Compare a network, the float one where it is None, with the labels and the float one."""
        matrix = metrics.confusion_matrix(np.empty(0, int), np.empty(0, int), self._classes)
        same = []
        for index in range(len(self._pictures)):
            picture, expected = self._pictures[index], self._float_labels(index)
            found = segmenter.segment(picture.image).labels if segmenter else expected
            same.append(float(np.mean(found == expected)))
            if picture.label is not None:
                matrix += metrics.confusion_matrix(picture.label, found, self._classes)
        # Without labels the matrix is empty, and its mean None.
        return Score(metrics.mean_iou(matrix), float(np.mean(same)))

    @property
    def _classes(self) -> int:
        return len(self._spec.classes)


@contextmanager
def _segmenter(path: Path) -> Iterator[Segmenter]:
    with open_engine(path, 'openvino', 'fp32') as engine:
        yield Segmenter(engine)
