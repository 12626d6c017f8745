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

"""Label images in files: class ids of the same size as their picture, 255 for unlabeled."""

from pathlib import Path
from typing import Tuple

import cv2
import numpy as np
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    MissingLabelError,
    SizeMismatchError,
)
from swiftnet_ros.labels import Labels
from swiftnet_ros.model_spec import ModelSpec


def label_file(image: Path, folder: Path) -> Path:
    """Name the label of an image: the PNG of the same name in a folder of labels."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of labels')
    label = folder / f'{image.stem}.png'
    if not label.is_file():
        raise MissingLabelError(image, label)
    return label


def read_label(path: Path, spec: ModelSpec, size: Tuple[int, int]) -> Labels:
    """
    Read class ids [H, W] of `size` (height, width); unlabeled pixels get the spec's id.

    Ids that the spec says were ignored in training count as unlabeled, unless the same number
    is a class: then the file has to hold class ids already.
    """
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None or ids.ndim != 2:
        received = 'unreadable' if ids is None else f'an image of {ids.shape[2]} channels'
        raise InvalidValueError(str(path), received, 'a PNG of label ids')
    if ids.shape != size:
        raise SizeMismatchError(path, ids.shape, size)
    classes = len(spec.classes)
    outside = ids >= classes
    unlabeled = (255, spec.unlabeled_id, *spec.ignored_source_ids)
    wrong = np.setdiff1d(ids[outside], unlabeled)
    if wrong.size:
        raise LabelIdError(path, wrong.tolist(), classes)
    return np.where(outside, np.uint16(spec.unlabeled_id), ids).astype(ids.dtype)
