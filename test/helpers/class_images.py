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

"""Images that show each class in its own color, to check that image and label stay aligned."""

import cv2
from helpers.tiny_training import COLORS
import numpy as np
from training.datasets.class_table import UNLABELED
from training.datasets.transforms.augmentation import FILL

# The color of each class id of a tiny dataset; unlabeled pixels have that of the padding.
COLOR_OF = np.zeros((256, 3), np.uint8)
COLOR_OF[:3] = COLORS
COLOR_OF[UNLABELED] = FILL


def shapes_label(height: int, width: int, ids: tuple[int, int, int] = (0, 1, 2)) -> np.ndarray:
    """Return a label [height, width] of a background, a rectangle, a disc and an unlabeled top."""
    label = np.full((height, width), ids[0], np.uint8)
    cv2.rectangle(label, (width // 4, height // 3), (width, height), ids[1], -1)
    cv2.circle(label, (width // 2, height // 2), height // 5, ids[2], -1)
    label[: height // 8] = UNLABELED
    return label


def interior(label: np.ndarray, margin: int = 3) -> np.ndarray:
    """Return the pixels bool [H, W] that have one class within `margin` pixels."""
    kernel = np.ones((2 * margin + 1,) * 2, np.uint8)
    flat = cv2.dilate(label, kernel) == cv2.erode(label, kernel)
    inner = np.zeros_like(flat)
    inner[margin:-margin, margin:-margin] = True
    return flat & inner
