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

"""Postprocess logits to labels and confidence at any size; draw labels with a palette."""

from dataclasses import dataclass, field, replace
from math import ceil
from typing import Mapping, Optional, Sequence, Tuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.upsampled_argmax import best_and_largest, best_classes
from swiftnet_ros.core.upsampled_cells import label_dtype, Labels, Logits
from swiftnet_ros.errors import InvalidValueError

__all__ = [
    'Labels',
    'Logits',
    'Pixels',
    'Segmentation',
    'colorize',
    'from_logits',
    'label_dtype',
    'mask_low_confidence',
    'overlay',
    'palette',
]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Segmentation:
    """
    The result for one frame.

    `labels` are class ids [H, W], uint8, or uint16 above 255 classes. `confidence` is
    255 times the largest softmax, uint8 [H, W], or None if it was not requested. `seconds` is the
    duration of each stage that the engine measures, by name.
    """

    labels: Labels
    confidence: Optional[Pixels] = None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)


def from_logits(
    logits: Logits,
    height: int,
    width: int,
    with_confidence: bool = False,
    out: Optional[Labels] = None,
) -> Segmentation:
    """
    Return the labels [height, width] of logits [C, h, w], written to `out` if there is one.

    They equal `argmax(bilinear(logits))` with half-pixel centers.
    """
    if not with_confidence:
        return Segmentation(best_classes(logits, height, width, out))
    labels, best = best_and_largest(logits, height, width)
    if out is not None:
        out[:] = labels
        labels = out
    return Segmentation(labels, _confidence(logits, best))


def _confidence(logits: Logits, best: Logits) -> Pixels:
    """Return round(255 * largest softmax), which is 255 / sum(exp(logit - best logit))."""
    total, plane = np.zeros_like(best), np.empty_like(best)
    for logit in logits:
        cv2.resize(logit, best.shape[::-1], dst=plane, interpolation=cv2.INTER_LINEAR)
        cv2.subtract(plane, best, dst=plane)
        cv2.exp(plane, dst=plane)
        cv2.add(total, plane, dst=total)
    return np.asarray(np.rint(255.0 / total), dtype=np.uint8)


def mask_low_confidence(
    segmentation: Segmentation, threshold: float, unlabeled_id: int
) -> Segmentation:
    """
    Return a segmentation whose labels are unlabeled where confidence is below `threshold`, 0 to 1.

    Raise InvalidValueError for a segmentation without confidence.
    """
    labels, confidence = segmentation.labels, segmentation.confidence
    if confidence is None:
        raise InvalidValueError('confidence', None, 'a segmentation made with confidence')
    uncertain = np.less(confidence, np.uint8(ceil(255.0 * threshold))).view(np.uint8)
    unlabeled = np.full_like(labels, unlabeled_id)
    masked: Labels = np.asarray(cv2.copyTo(unlabeled, uncertain, labels.copy()))
    return replace(segmentation, labels=masked)


def palette(colors: Sequence[Tuple[int, int, int]], unlabeled_id: int) -> Pixels:
    """Return RGB colors by label, uint8 [unlabeled_id + 1, 3]; ids without a class are black."""
    table = np.zeros((unlabeled_id + 1, 3), np.uint8)
    table[: len(colors)] = np.asarray(colors, np.uint8).reshape(-1, 3)
    return table


def colorize(labels: Labels, table: Pixels) -> Pixels:
    """Return labels [H, W] drawn with a palette [N, 3]: uint8 [H, W, 3]."""
    return np.asarray(np.take(table, labels, axis=0), dtype=np.uint8)


def overlay(pixels: Pixels, colors: Pixels, opacity: float) -> Pixels:
    """Return colors blended over pixels of the same size and channel order, uint8 [H, W, 3]."""
    blended = cv2.addWeighted(pixels, 1.0 - opacity, colors, opacity, 0.0)
    return np.asarray(blended, dtype=np.uint8)
