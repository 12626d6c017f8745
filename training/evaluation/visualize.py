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

"""Draw predictions: on a contact sheet, as label images, and as overlays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from swiftnet_ros.core.labels import colorize, Labels, overlay, palette, Pixels
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.image_encoding import write_image
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


class ContactSheet:
    """
    Panels of equal `width` in pixels, those of one sample in a row; RGB uint8 [H, W, 3].

    All panels have the aspect ratio of the first sample. Of more than `most` samples some are
    shown, evenly spread.
    """

    def __init__(self, panels: Sequence[str], width: int, most: int | None = None) -> None:
        self._panels, self._width, self._most = panels, width, most
        self._size: tuple[int, int] | None = None
        self._rows: list[list[Pixels]] = []
        self._count, self._step = 0, 1

    def add(self, item: PredictedSample) -> None:
        """Draw the panels of a sample."""
        if self._count % self._step == 0:
            height, width = item.sample.image.shape[:2]
            self._size = self._size or (self._width, max(1, round(self._width * height / width)))
            self._rows.append([_panel(item, name, self._size) for name in self._panels])
        self._count += 1
        if self._most is not None and len(self._rows) > self._most:
            self._rows, self._step = self._rows[::2], 2 * self._step

    def image(self, is_across: bool = False) -> Pixels:
        """Return the sheet; with `is_across` the panels of a sample are in a column."""
        rows = (
            [list(column) for column in zip(*self._rows, strict=True)] if is_across else self._rows
        )
        return np.vstack([np.hstack(row) for row in rows])


def write_label_image(item: PredictedSample, folder: Path) -> None:
    """Write the class ids of a prediction as FOLDER/NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / f'{item.sample.name}.png', item.prediction)


def write_overlay(item: PredictedSample, folder: Path) -> None:
    """Write an image with the colors of its prediction as FOLDER/NAME.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    colors = cv2.cvtColor(PANELS['overlay'](item), cv2.COLOR_RGB2BGR)
    write_image(folder / f'{item.sample.name}.jpg', colors)


def write_frame(item: PredictedSample, folder: Path) -> None:
    """Write an image itself, without loss, as FOLDER/NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = cv2.cvtColor(item.sample.image, cv2.COLOR_RGB2BGR)
    write_image(folder / f'{item.sample.name}.png', pixels)


def _panel(item: PredictedSample, name: str, size: tuple[int, int]) -> Pixels:
    method = _INTERPOLATION.get(name, cv2.INTER_NEAREST_EXACT)
    return np.asarray(cv2.resize(PANELS[name](item), size, interpolation=method), np.uint8)
