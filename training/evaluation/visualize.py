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

"""A contact sheet of predictions: images, label images, predictions and overlays side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from swiftnet_ros.core.labels import colorize, Labels, overlay, palette, Pixels
from swiftnet_ros.segmenter import Segmenter
from training.datasets.base import Sample

_OPACITY = 0.5


@dataclass(frozen=True)
class PredictedSample:
    """A sample, the class ids [H, W] predicted for it, and the palette [N, 3] of the model."""

    sample: Sample
    prediction: Labels
    palette: Pixels


# panel -> RGB uint8 [H, W, 3] of the size of the sample
PANELS: dict[str, Callable[[PredictedSample], Pixels]] = {
    'image': lambda item: item.sample.image,
    'truth': lambda item: colorize(item.sample.label, item.palette),
    'labels': lambda item: colorize(item.prediction, item.palette),
    'overlay': lambda item: overlay(
        item.sample.image, colorize(item.prediction, item.palette), _OPACITY
    ),
}
# Photographs are averaged when shrunk; colors of classes must not be mixed.
_INTERPOLATION = {'image': cv2.INTER_AREA, 'overlay': cv2.INTER_AREA}


def predict_sample(segmenter: Segmenter, sample: Sample) -> PredictedSample:
    """Segment the image of a sample at its own size."""
    spec = segmenter.spec
    prediction = segmenter.segment(sample.image).labels
    return PredictedSample(sample, prediction, palette(spec.colors, spec.unlabeled_id))


def contact_sheet(
    items: Sequence[PredictedSample], panels: Sequence[str], width: int, is_across: bool
) -> Pixels:
    """
    Return panels of equal `width` in pixels, those of one sample in a row; RGB uint8 [H, W, 3].

    With `is_across` those of one sample are in a column. All panels have the aspect ratio of the
    first sample.
    """
    first = items[0].sample.image
    size = (width, round(width * first.shape[0] / first.shape[1]))
    rows = [[_panel(item, name, size) for name in panels] for item in items]
    if is_across:
        rows = [list(column) for column in zip(*rows, strict=True)]
    return np.vstack([np.hstack(row) for row in rows])


def _panel(item: PredictedSample, name: str, size: tuple[int, int]) -> Pixels:
    method = _INTERPOLATION.get(name, cv2.INTER_NEAREST_EXACT)
    return np.asarray(cv2.resize(PANELS[name](item), size, interpolation=method), np.uint8)
