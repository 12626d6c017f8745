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

"""Temperature scaling: logits divided so that confidence is the fraction of right pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.core import labels, metrics
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.image_encoding import encode_image
from swiftnet_ros.system.progress import progress
from torch import nn
from training.datasets.base import ImageLabelDataset
from training.evaluation.evaluate import engine_logits, Predictor
from training.run.checkpoint import Checkpoint

_SAMPLED_PIXELS = 200_000
# Of the temperature; beyond, labels or network are not what they should be.
LOWEST, HIGHEST = 1 / 8, 8.0
_STEPS = 50


@dataclass(frozen=True, eq=False)
class SplitPredictions:
    """
    What a network predicts for a split: logits [N, C] of some labeled pixels and their classes.

    `labels` are those of every image, as PNG, and `ece` is the expected calibration error.
    """

    logits: npt.NDArray[np.float32]
    classes: npt.NDArray[np.uint8]
    labels: Sequence[bytes]
    ece: float | None


def predict_split(engine: Backend, dataset: ImageLabelDataset) -> SplitPredictions:
    """Return the predictions of an open model; raise InvalidValueError without a labeled pixel."""
    count, quota = len(engine.spec.classes), -(-_SAMPLED_PIXELS // max(1, len(dataset)))
    counts = np.zeros((256, 2), np.int64)
    logits, classes, predicted = [], [], []
    for index in progress(range(len(dataset)), 'calibrate confidence'):
        sample = dataset[index]
        (height, width), truth = sample.label.shape, sample.label.ravel()
        found = engine_logits(engine, sample.image)
        result = labels.from_logits(found, height, width, with_confidence=True)
        assert result.confidence is not None
        counts += metrics.confidence_counts(sample.label, result.labels, result.confidence, count)
        predicted.append(bytes(encode_image(result.labels)))
        at = np.flatnonzero(truth < count)
        if len(at) > quota:
            at = np.random.default_rng(index).choice(at, quota, replace=False)
        logits.append(_interpolated(found, height, width, at))
        classes.append(truth[at])
    if not counts.any():
        raise InvalidValueError('--split', 'without labels', 'a split with labeled pixels')
    error = metrics.calibration_error(counts)
    return SplitPredictions(np.concatenate(logits), np.concatenate(classes), predicted, error)


def fit_temperature(
    logits: npt.NDArray[np.float32], classes: npt.NDArray[np.unsignedinteger]
) -> float:
    """
    Return the temperature, 1/8 to 8, with the smallest negative log likelihood (NLL).

    `logits` are [N, C], `classes` [N] the true ones. The NLL is convex in 1 / temperature, whose
    derivative therefore has one zero.
    """
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    true = exact[np.arange(len(exact)), classes]

    def slope(scale: float) -> float:
        likelihood = np.exp(scale * exact)
        mean = (likelihood * exact).sum(axis=1) / likelihood.sum(axis=1)
        return float(np.mean(mean - true))

    low, high = log(1 / HIGHEST), log(1 / LOWEST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(exp(middle)) > 0 else (middle, high)
    return exp(-(low + high) / 2)


def with_temperature(checkpoint: Checkpoint, temperature: float) -> Checkpoint:
    """Return a checkpoint whose last convolution has weights and bias divided by a temperature."""
    head = checkpoint.network().head
    assert isinstance(head, nn.Sequential)
    last = f'head.{len(head) - 1}'
    scaled = {
        name: (checkpoint.weights[name].double() / temperature).to(checkpoint.weights[name].dtype)
        for name in (f'{last}.weight', f'{last}.bias')
    }
    return replace(checkpoint, weights={**checkpoint.weights, **scaled})


class ComparingPredictor:
    """A predictor that counts the pixels whose label differs from earlier predictions."""

    def __init__(self, predict: Predictor, before: Sequence[bytes]) -> None:
        """Compare with the label images of the same split, as PNG in its order."""
        self._predict = predict
        self._before = iter(before)
        self.changed = 0

    def __call__(self, image: npt.NDArray[np.uint8]) -> labels.Segmentation:
        """Return the prediction for the next image of the split."""
        result = self._predict(image)
        before = cv2.imdecode(np.frombuffer(next(self._before), np.uint8), cv2.IMREAD_UNCHANGED)
        self.changed += int((result.labels != before).sum())
        return result


def _interpolated(
    logits: labels.Logits, height: int, width: int, at: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return the logits [N, C] of some pixels of an image of that size, as for its labels."""
    planes = (
        cv2.resize(logit, (width, height), interpolation=cv2.INTER_LINEAR) for logit in logits
    )
    return np.stack([plane.ravel()[at] for plane in planes], axis=1)
