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

"""One picture of what a model makes of several: panels of images, truth, labels and overlays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.core.labels import colorize, Labels, overlay, palette
from swiftnet_ros.segmenter import Segmenter
from training.datasets.base import Sample

Pixels = npt.NDArray[np.uint8]
_OPACITY = 0.5


@dataclass(frozen=True)
class Answer:
    """A sample, the labels that the model gave it, and the colours [N, 3] of the ids."""

    sample: Sample
    labels: Labels
    colors: Pixels


def answer(segmenter: Segmenter, sample: Sample) -> Answer:
    """Segment a sample at its own size."""
    spec = segmenter.spec
    labels = segmenter.segment(sample.image).labels
    return Answer(sample, labels, palette(spec.colors, spec.unlabeled_id))


# panel -> RGB uint8 [H, W, 3] of the sample's own size
PANELS: dict[str, Callable[[Answer], Pixels]] = {
    'image': lambda item: item.sample.image,
    'truth': lambda item: colorize(item.sample.label, item.colors),
    'labels': lambda item: colorize(item.labels, item.colors),
    'overlay': lambda item: overlay(
        item.sample.image, colorize(item.labels, item.colors), _OPACITY
    ),
}
# Shrunk as photographs are; the colours of labels must not be mixed.
_SHRINK = {'image': cv2.INTER_AREA, 'overlay': cv2.INTER_AREA}


def sheet(answers: Sequence[Answer], panels: Sequence[str], width: int, is_across: bool) -> Pixels:
    """
    Put panels of equal `width` beside each other, those of one sample in a row.

    With `is_across` the samples stand beside each other and their panels below. All panels have
    the shape of the first sample. Gives RGB uint8.
    """
    first = answers[0].sample.image
    size = (width, round(width * first.shape[0] / first.shape[1]))
    rows = [[_panel(item, name, size) for name in panels] for item in answers]
    if is_across:
        rows = [list(column) for column in zip(*rows, strict=True)]
    return np.vstack([np.hstack(row) for row in rows])


def _panel(item: Answer, name: str, size: tuple[int, int]) -> Pixels:
    method = _SHRINK.get(name, cv2.INTER_NEAREST_EXACT)
    return np.asarray(cv2.resize(PANELS[name](item), size, interpolation=method), np.uint8)
