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

"""Logits to labels and confidence at any size; labels to colours and overlay."""

from dataclasses import dataclass, field
from math import ceil
from typing import Mapping, Optional, Sequence, Tuple

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.upsampled_argmax import (
    best_and_largest,
    best_classes,
    label_dtype,
    Labels,
    Logits,
)
from swiftnet_ros.errors import InvalidValueError

__all__ = [
    'Labels',
    'Logits',
    'Pixels',
    'Segmentation',
    'colorize',
    'from_logits',
    'label_dtype',
    'overlay',
    'palette',
    'unlabel_below',
]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Segmentation:
    """
    The answer for one frame, both at the frame's size.

    `labels` are class ids [H, W], uint8, or uint16 above 255 classes. `confidence` is uint8
    [H, W], 255 times the largest softmax, or None where it was not asked for. `seconds` tells
    how long each stage of the work took, by name, as far as the engine measures it.
    """

    labels: Labels
    confidence: Optional[Pixels] = None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)


def from_logits(
    logits: Logits, height: int, width: int, with_confidence: bool = False
) -> Segmentation:
    """
    Interpolate logits [C, h, w] to [height, width] and take the best class of each pixel.

    Labels equal `argmax(bilinear(logits))` with half-pixel centres.
    """
    if not with_confidence:
        return Segmentation(best_classes(logits, height, width))
    labels, best = best_and_largest(logits, height, width)
    return Segmentation(labels, _confidence(logits, best))


def _confidence(logits: Logits, best: Logits) -> Pixels:
    """Give round(255 * largest softmax), which is 255 / sum(exp(logit - best logit))."""
    total, plane = np.zeros_like(best), np.empty_like(best)
    for logit in logits:
        cv2.resize(logit, best.shape[::-1], dst=plane, interpolation=cv2.INTER_LINEAR)
        cv2.subtract(plane, best, dst=plane)
        cv2.exp(plane, dst=plane)
        cv2.add(total, plane, dst=total)
    return np.asarray(np.rint(255.0 / total), dtype=np.uint8)


def unlabel_below(segmentation: Segmentation, threshold: float, unlabeled_id: int) -> Segmentation:
    """
    Give labels whose confidence is below `threshold`, a fraction of 1, the unlabeled id.

    The confidence stays as it is; InvalidValueError for a segmentation without one.
    """
    labels, confidence = segmentation.labels, segmentation.confidence
    if confidence is None:
        raise InvalidValueError('confidence', None, 'a segmentation made with confidence')
    unsure = np.less(confidence, np.uint8(ceil(255.0 * threshold))).view(np.uint8)
    unlabeled = np.full_like(labels, unlabeled_id)
    return Segmentation(np.asarray(cv2.copyTo(unlabeled, unsure, labels.copy())), confidence)


def palette(colors: Sequence[Tuple[int, int, int]], unlabeled_id: int) -> Pixels:
    """Make a colour table, uint8 [unlabeled_id + 1, 3], in RGB; what has no class is black."""
    table = np.zeros((unlabeled_id + 1, 3), np.uint8)
    table[: len(colors)] = np.asarray(colors, np.uint8).reshape(-1, 3)
    return table


def colorize(labels: Labels, table: Pixels) -> Pixels:
    """Look every label up in a colour table [N, 3]: uint8 [H, W, 3]."""
    return np.asarray(np.take(table, labels, axis=0), dtype=np.uint8)


def overlay(pixels: Pixels, colors: Pixels, opacity: float) -> Pixels:
    """Blend colours over pixels of the same size and channel order, uint8 [H, W, 3]."""
    blended = cv2.addWeighted(pixels, 1.0 - opacity, colors, opacity, 0.0)
    return np.asarray(blended, dtype=np.uint8)
