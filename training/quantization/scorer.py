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

"""Measure mIoU and agreement of a quantized network with the float one, through the runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from swiftnet_ros.core import metrics
from swiftnet_ros.core.label_coverage import label_counts
from swiftnet_ros.model_spec import Golden, ModelSpec, read_spec, write_model
from swiftnet_ros.model_spec.qdq import is_quantized
from swiftnet_ros.segmenter import open_model, Segmenter
from swiftnet_ros.system.image_encoding import encode_image
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.system.progress import progress
from training.datasets.class_table import UNLABELED
from training.evaluation.evaluate import iou_of_labeled, warn_of_labels
from training.quantization.calibration_images import CalibrationImages


@dataclass(frozen=True)
class Score:
    """mIoU, None without labels, and the fraction of pixels with the float network's label."""

    miou: float | None
    agreement: float

    @property
    def points(self) -> float:
        """Return mIoU in percent, or agreement in percent if there are no labels."""
        return 100 * (self.agreement if self.miou is None else self.miou)


class Scorer:
    """Images to measure on, and the float network's labels for them."""

    def __init__(self, images: CalibrationImages, float_model: Path, spec: ModelSpec) -> None:
        self._images = images
        self._spec = spec
        # As PNG, so that the label images of a whole split fit into memory.
        self._float_labels: list[npt.NDArray[np.uint8]] = []
        counts, classes = [], len(spec.classes)
        with _open_segmenter(float_model) as segmenter:
            for index in progress(range(len(images)), 'measure in float'):
                item = images[index]
                if item.label is not None:
                    counts.append(label_counts(item.label, classes, UNLABELED))
                labels = segmenter.segment(item.image).labels
                self._float_labels.append(np.frombuffer(encode_image(labels), np.uint8))
        if counts:
            warn_of_labels(spec.class_names, np.array(counts), f'{len(counts)} held-out labels')
        self.before = self._score(None)

    def score(self, model: onnx.ModelProto) -> Score:
        """Measure a network with the classes and input size of the float one."""
        with self._open_candidate(model) as segmenter:
            return self._score(segmenter)

    def metrics(self, after: Score, images: str) -> dict[str, Any]:
        """Return what a file records of a quantized network; `images` describes those used."""
        return {
            'miou_before': self.before.miou,
            'miou_after': after.miou,
            'agreement': after.agreement,
            'measured_on': f'{len(self._images)} {images}',
        }

    def golden_agreement(self, model: onnx.ModelProto, golden: Golden | None) -> float | None:
        """
        Return the fraction of the float file's golden frame that keeps its label.

        Warn if it is less than the self-check demands of an INT8 engine.
        """
        if golden is None:
            return None
        with self._open_candidate(model) as segmenter:
            agreement = float(np.mean(segmenter.segment(golden.frame).labels == golden.labels))
        minimum = golden.min_agreement.get('int8', 0.0)
        if agreement < minimum:
            print_warning(
                f'{agreement:.4f} of the golden frame keeps its label, but the '
                f'self-check demands {minimum:g}; calibrate with more images, keep sensitive '
                'layers in float (--keep-float), or fine-tune (finetune_int8)'
            )
        return agreement

    @contextmanager
    def _open_candidate(self, model: onnx.ModelProto) -> Iterator[Segmenter]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / 'candidate.onnx'
            precision = 'int8' if is_quantized(model) else 'fp32'
            write_model(model, path, replace(self._spec, precision=precision), None)
            with _open_segmenter(path) as segmenter:
                yield segmenter

    def _score(self, segmenter: Segmenter | None) -> Score:
        """Measure a network, the float one if it is None."""
        classes = len(self._spec.classes)
        matrix = metrics.confusion_matrix(np.empty(0, int), np.empty(0, int), classes)
        agreements = []
        for index in progress(range(len(self._images)), 'measure'):
            item = self._images[index]
            float_label = np.asarray(cv2.imdecode(self._float_labels[index], cv2.IMREAD_UNCHANGED))
            labels = segmenter.segment(item.image).labels if segmenter else float_label
            agreements.append(float(np.mean(labels == float_label)))
            if item.label is not None:
                matrix += metrics.confusion_matrix(item.label, labels, classes)
        miou = metrics.mean_of_known(iou_of_labeled(self._images, matrix))
        return Score(miou, float(np.mean(agreements)))


@contextmanager
def _open_segmenter(path: Path) -> Iterator[Segmenter]:
    # Never bf16, whatever the CPU has.
    precision = 'int8' if read_spec(path).precision == 'int8' else 'fp32'
    with open_model(path, 'openvino', precision) as segmenter:
        yield segmenter
