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

"""Label files become class ids; ids outside the class table never count silently."""

import cv2
import numpy as np
import pytest
from swiftnet_ros.core.image_files import label_file, read_label
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    MissingLabelError,
    SizeMismatchError,
)


def written(path, ids, dtype=np.uint8):
    """Write ids [H, W] as a PNG."""
    cv2.imwrite(str(path), np.array(ids, dtype))
    return path


def test_ids_are_read_and_ignored_ones_are_unlabeled(tmp_path, spec_with):
    """Source id 11 of CamVid is void; 255 is unlabeled everywhere."""
    path = written(tmp_path / 'a.png', [[0, 4, 11], [255, 2, 3]])
    ids = read_label(path, spec_with(ignored_source_ids=(11,)), (2, 3))
    assert ids.tolist() == [[0, 4, 255], [255, 2, 3]] and ids.dtype == np.uint8


def test_an_ignored_id_that_is_a_class_too_is_the_class(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    assert read_label(path, spec_with(ignored_source_ids=(0,)), (1, 2)).tolist() == [[0, 1]]


def test_labels_of_16_bits_have_65535_for_unlabeled(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[299, 65535, 255]], np.uint16)
    ids = read_label(path, spec_with(class_count=300, ignored_source_ids=()), (1, 3))
    assert ids.tolist() == [[299, 65535, 255]]


def test_ids_outside_the_class_table_are_all_named(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 5, 40, 11]])
    with pytest.raises(
        LabelIdError, match=r'a\.png contains label ids 5, 40, the class table has 0'
    ):
        read_label(path, spec_with(), (1, 4))


def test_a_label_of_another_size_or_kind_is_refused(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    with pytest.raises(SizeMismatchError, match='2x1 pixels, expected 4x3'):
        read_label(path, spec_with(), (3, 4))
    with pytest.raises(InvalidValueError, match='an image of 3 channels.* expected a PNG'):
        read_label(written(path, np.zeros((1, 2, 3))), spec_with(), (1, 2))
    path.write_bytes(b'no picture')
    with pytest.raises(InvalidValueError, match='unreadable'):
        read_label(path, spec_with(), (1, 2))


def test_the_label_of_an_image_has_its_name(tmp_path):
    image, label = tmp_path / 'x' / '07.jpg', written(tmp_path / '07.png', [[0]])
    assert label_file(image, tmp_path) == label
    with pytest.raises(MissingLabelError, match=r'no label for image .*08\.jpg; expected .*\.png'):
        label_file(tmp_path / '08.jpg', tmp_path)
    with pytest.raises(FileMissingError, match='folder of labels not found'):
        label_file(image, tmp_path / 'nowhere')
