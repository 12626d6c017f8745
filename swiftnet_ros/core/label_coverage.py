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

"""Whether label images show every class, or leave unlabeled what may be one."""

from typing import Any, Optional, Sequence

import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import listing

Counts = npt.NDArray[np.int64]

# A larger fraction of unlabeled pixels, in images of one class, looks like masks of 0 and 255.
_MAX_UNLABELED = 0.2
_LISTED = 8


def label_counts(labels: npt.NDArray[Any], classes: int, unlabeled_id: int) -> Counts:
    """Return the pixels of each class and, last, the unlabeled ones: int64 [classes + 1]."""
    counts = np.bincount(labels.ravel(), minlength=classes + 1)
    unlabeled = counts[unlabeled_id] if unlabeled_id < len(counts) else 0
    return np.append(counts[:classes], unlabeled)


def coverage_warning(
    names: Sequence[str], counts: Counts, what: str, remedy: str
) -> Optional[str]:
    """
    Return a warning in one line if label images lack a class, or look like masks of 0 and 255.

    `counts` [images, classes + 1] are those of `label_counts`, `what` is the name of the labels,
    `remedy` what to do if 255 marks a class. None if all is well or there are no labels.
    """
    pixels = int(counts.sum())
    if not pixels:
        return None
    absent = [name for name, total in zip(names, counts[:, :-1].sum(axis=0)) if not total]
    is_mask = (counts[:, :-1] > 0).sum(axis=1) <= 1
    in_masks = float(counts[is_mask, -1].sum()) / pixels
    unlabeled = float(counts[:, -1].sum()) / pixels
    if not absent and in_masks <= _MAX_UNLABELED:
        return None
    shown = listing(absent[:_LISTED]) + (', ...' if len(absent) > _LISTED else '')
    missing = f'no pixel of {what} is of class {shown}' if absent else ''
    if not unlabeled:
        return f'{missing}; check the labels and the ids of the classes'
    share = f'{unlabeled:.1%} of {"them" if absent else what} are unlabeled (255 or ignored)'
    masks = f'if 255 marks a class, as in masks of 0 and 255, {remedy}'
    return '; '.join(text for text in (missing, share, masks) if text)
