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

"""From averaged probabilities and boxes to a label image; what is unsure is unlabeled."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import Logits
from training.datasets.class_table import UNLABELED
from training.pseudo_labels.boxes import Box, PixelMask
from training.pseudo_labels.class_map import BoxRules


def pseudo_label(
    probabilities: Logits, boxes: Sequence[Box] | None, rules: BoxRules, threshold: float
) -> npt.NDArray[np.uint8]:
    """
    Return class ids [H, W] of probabilities [C, H, W], 255 where none reaches the threshold.

    `boxes` is None if the image was not labeled with boxes; else the classes `only_in_boxes` are
    unlabeled outside of them.

    Inside a box only the classes of boxes there and `over` are possible. The odds of a box's class
    are multiplied by `odds`; the others, floor too, keep their share, so that pixels where the
    network sees only them are unlabeled. In the core of a box that its class fills, pixels that
    are still unlabeled get that class, unless boxes of two classes are there.
    """
    label = _surest(probabilities, 1.0, threshold)
    if boxes is None:
        return label
    label[np.isin(label, rules.only_in_boxes)] = UNLABELED
    if not boxes:
        return label
    masks = _masks_by_class(boxes, rules, label.shape)
    inside = np.asarray(np.any(list(masks.values()), 0))
    label[inside] = _labels_inside(probabilities, masks, rules, threshold, inside)
    alone = np.sum(list(masks.values()), 0) == 1
    for box in boxes:
        kind = rules.classes[box.class_id]
        if kind.fill and box.aspect(label.shape) >= kind.aspect:
            core = box.mask(label.shape, kind.fill) & alone & (label == UNLABELED)
            label[core] = rules.labels[box.class_id]
    return label


def _masks_by_class(
    boxes: Sequence[Box], rules: BoxRules, size: Sequence[int]
) -> dict[int, PixelMask]:
    """Return which pixels are in a box of each class."""
    masks: dict[int, PixelMask] = {}
    for box in boxes:
        class_id, mask = rules.labels[box.class_id], box.mask(size)
        masks[class_id] = masks[class_id] | mask if class_id in masks else mask
    return masks


def _labels_inside(
    probabilities: Logits,
    masks: dict[int, PixelMask],
    rules: BoxRules,
    threshold: float,
    inside: PixelMask,
) -> npt.NDArray[np.uint8]:
    """Return the labels [N] of the pixels inside boxes."""
    odds = probabilities[:, inside]
    rest = np.maximum(1 - odds.sum(0), 0)
    is_possible = np.zeros(odds.shape, bool)
    is_possible[list(rules.over)] = True
    for class_id, mask in masks.items():
        is_possible[class_id] |= mask[inside]
        odds[class_id, mask[inside]] *= rules.odds
    total = odds.sum(0) + rest
    return _surest(np.where(is_possible, odds, 0), total, threshold)


def _surest(values: Logits, total: Logits | float, threshold: float) -> npt.NDArray[np.uint8]:
    best = values.argmax(0).astype(np.uint8)
    return np.where(values.max(0) >= threshold * total, best, np.uint8(UNLABELED))
