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

"""The overlays that the demo writes, and the images that its page shows."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import List, Sequence, Set, Tuple

import cv2
import numpy as np
from swiftnet_ros.benchmark.measurement import LabeledFrame
from swiftnet_ros.core import labels
from swiftnet_ros.core.labels import Labels, Pixels
from swiftnet_ros.errors import AnimationError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.image_encoding import encode_image, write_image
from swiftnet_ros.system.library_errors import library_errors

MAX_IMAGES = 24
# Longest side of an image in the page, in pixels.
_MAX_SIDE = 640
_OPACITY = 0.5
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 80)
# Slow enough to look at an image, and far from the three flashes a second that can harm.
_ANIMATION_MS = 800
_WEBP_QUALITY = 75


class Painter:
    """Draws predictions of a model in the colors of its classes; all pixels are BGR."""

    def __init__(self, spec: ModelSpec) -> None:
        """Use the palette of a model."""
        self._palette = labels.palette(spec.colors, spec.unlabeled_id)[:, ::-1].copy()

    def colors(self, predicted: Labels) -> Pixels:
        """Return each pixel in the color of its class."""
        return labels.colorize(predicted, self._palette)

    def overlay(self, pixels: Pixels, predicted: Labels) -> Pixels:
        """Return the colors blended over the image."""
        return labels.overlay(pixels, self.colors(predicted), _OPACITY)


@dataclass(frozen=True)
class GalleryImage:
    """An image of the page with its `size`, (height, width); encoded as JPEG, labels as PNG."""

    name: str
    size: Tuple[int, int]
    frame: bytes
    labels: bytes
    overlay: bytes


class Gallery:
    """Writes the overlay of every image to a folder, and keeps the first images for the page."""

    def __init__(self, folder: Path, painter: Painter) -> None:
        """Use an existing folder."""
        self._folder = folder
        self._painter = painter
        self._names: Set[str] = set()
        # Encoded only at the end, so that a slow machine has the time for inference.
        self._shown: List[Tuple[LabeledFrame, Labels]] = []

    def add(self, frame: LabeledFrame, predicted: Labels) -> None:
        """Add an image and its prediction, unless it is there already."""
        if frame.name in self._names:
            return
        self._names.add(frame.name)
        overlay = self._painter.overlay(frame.frame.pixels, predicted)
        write_image(self._folder / f'{Path(frame.name).stem}.jpg', overlay)
        if len(self._shown) < MAX_IMAGES:
            self._shown.append((frame, predicted))

    def images(self) -> List[GalleryImage]:
        """Return the images for the page by name: results arrive in another order after drops."""
        images = [self._encoded(frame, predicted) for frame, predicted in self._shown]
        return sorted(images, key=lambda image: image.name)

    def _encoded(self, frame: LabeledFrame, predicted: Labels) -> GalleryImage:
        pixels = frame.frame.pixels
        small = reduced(pixels)
        return GalleryImage(
            frame.name,
            (small.shape[0], small.shape[1]),
            encode_image(small, '.jpg', _JPEG),
            encode_image(self._painter.colors(reduced(predicted, cv2.INTER_NEAREST)), '.png'),
            encode_image(reduced(self._painter.overlay(pixels, predicted)), '.jpg', _JPEG),
        )


def reduced(pixels: Labels, interpolation: int = cv2.INTER_AREA) -> Labels:
    """Return an image whose longest side is at most that of the page's images."""
    height, width = pixels.shape[:2]
    scale = _MAX_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation))


def animation(images: Sequence[GalleryImage]) -> bytes:
    """
    Return an animated WebP of the overlays, all padded to the size of the first one.

    Every browser plays it, Pillow writes it, and it is smaller than a GIF, in full color. The
    wheels of OpenCV write MP4 only as MPEG-4 part 2, which no browser plays.
    """
    from PIL import Image, ImageOps

    stream = BytesIO()
    with library_errors(AnimationError):
        overlays = [Image.open(BytesIO(image.overlay)) for image in images]
        first, *others = [ImageOps.pad(overlay, overlays[0].size) for overlay in overlays]
        options = {'duration': _ANIMATION_MS, 'loop': 0, 'quality': _WEBP_QUALITY}
        first.save(stream, 'WEBP', save_all=True, append_images=others, **options)
    return stream.getvalue()
