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

"""Which pixels get a label, from probabilities and boxes, by the stated rules."""

import numpy as np
import pytest
from swiftnet_ros.errors import InvalidTextError, InvalidValueError, UnknownNameError
from training.datasets.class_table import shipped_class_table, UNLABELED
from training.pseudo_labels.boxes import Box, boxes_of_labels, read_boxes
from training.pseudo_labels.class_map import (
    BoxClass,
    BoxRules,
    ClassMatrix,
    LabelMap,
    load_label_map,
)
from training.pseudo_labels.images import LabelingOptions
from training.pseudo_labels.labels import pseudo_label
from training.pseudo_labels.teacher import FixedSizeTeacher
import yaml

FLOOR, PALLET, VEHICLE, PERSON = range(4)
# Box 0 is a pallet that fills half of its box, box 1 a vehicle.
KINDS = [BoxClass('pallet', 'pallet', 0.5), BoxClass('fork', 'vehicle')]
RULES = BoxRules([PALLET, VEHICLE], KINDS, 8.0, [PERSON], [VEHICLE])
WHOLE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)


def label_of(*probabilities: float, boxes=None, rules=RULES, size=(8, 8)) -> np.ndarray:
    """Return the labels of an image of equal pixels."""
    planes = np.broadcast_to(np.array(probabilities, np.float32)[:, None, None], (4, *size))
    return pseudo_label(planes.copy(), boxes, rules, 0.9)


def corner(label: np.ndarray) -> int:
    return int(label[0, 0])


def test_unsure_pixels_are_unlabeled():
    assert corner(label_of(0.95, 0.05, 0, 0)) == FLOOR
    assert corner(label_of(0.85, 0.15, 0, 0)) == UNLABELED
    # The rest is of a class that the labels do not have.
    assert corner(label_of(0.5, 0, 0, 0)) == UNLABELED


def test_box_wins_where_the_network_leaves_it_possible():
    boxes = [Box(1, WHOLE)]
    # 8 * 0.6 of 8 * 0.6 + 0.4
    assert corner(label_of(0.4, 0, 0.6, 0, boxes=boxes)) == VEHICLE
    assert corner(label_of(0.5, 0, 0.5, 0, boxes=boxes)) == UNLABELED
    assert corner(label_of(0.4, 0, 0.6, 0)) == UNLABELED


@pytest.mark.parametrize('box', [0, 1])
def test_floor_is_never_in_a_box(box):
    label = label_of(1, 0, 0, 0, boxes=[Box(box, WHOLE)])
    assert FLOOR not in label
    # A class of another box neither.
    assert PALLET not in label_of(0, 1, 0, 0, boxes=[Box(1, WHOLE)])


def test_core_of_a_filled_box_needs_no_network():
    label = label_of(1, 0, 0, 0, boxes=[Box(0, WHOLE)])
    assert (label[2:6, 2:6] == PALLET).all()
    assert corner(label) == UNLABELED
    # A person in front of it stays, and nothing is filled where another box is.
    assert (label_of(0, 0, 0, 1, boxes=[Box(0, WHOLE)]) == PERSON).all()
    assert (label_of(1, 0, 0, 0, boxes=[Box(0, WHOLE), Box(1, WHOLE)]) == UNLABELED).all()


def test_only_wide_boxes_are_filled():
    kinds = [BoxClass('pallet', 'pallet', 0.5, aspect=2.5), KINDS[1]]
    rules = BoxRules(RULES.labels, kinds, 8.0, [PERSON], [VEHICLE])
    wide = label_of(1, 0, 0, 0, boxes=[Box(0, WHOLE)], rules=rules, size=(8, 20))
    assert (wide[2:6, 5:15] == PALLET).all()
    assert (label_of(1, 0, 0, 0, boxes=[Box(0, WHOLE)], rules=rules) == UNLABELED).all()


def test_class_of_boxes_alone_is_unlabeled_outside():
    left = Box(1, WHOLE * (0.5, 1))
    label = label_of(0, 0, 1, 0, boxes=[left])
    assert (label[:, :4] == VEHICLE).all() and (label[:, 5:] == UNLABELED).all()
    assert (label_of(0, 0, 1, 0, boxes=[]) == UNLABELED).all()
    assert (label_of(0, 0, 1, 0, boxes=None) == VEHICLE).all()


def test_boxes_and_polygons_are_read(tmp_path):
    (tmp_path / 'a.txt').write_text('1 0.5 0.25 0.5 0.5\n\n0 0 0 1 0 1 1 0 0\n')
    box, triangle = read_boxes(tmp_path / 'a.txt', 2)
    mask = box.mask((16, 16))
    assert box.class_id == 1 and mask[:8, 4:12].all()
    assert not mask[9:].any() and not mask[:, :3].any() and not mask[:, 13:].any()
    assert triangle.class_id == 0 and triangle.mask((16, 16)).sum() == 16 * 17 / 2
    (tmp_path / 'a.txt').write_text('')
    assert read_boxes(tmp_path / 'a.txt', 2) == []


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('0 .5 .5 .2 .2\n5 .5 .5 .2 .2', 'line 2: class 5; expected 0 to 4'),
        ('0 .5 .5 .2', 'line 1: 3 numbers'),
        ('0 .5 .5 nan .2', 'a number outside of the image'),
        ('0 240 180 20 20', 'a number outside of the image'),
        ('pallet .5 .5 .2 .2', 'line 1: invalid literal'),
    ],
)
def test_wrong_line_is_named(tmp_path, text, words):
    (tmp_path / 'a.txt').write_text(text)
    with pytest.raises(InvalidTextError, match=words):
        read_boxes(tmp_path / 'a.txt', 5)


def test_boxes_of_labels_are_those_of_connected_regions():
    label = np.zeros((20, 40), np.uint8)
    label[4:10, 8:16] = 3
    label[12:18, 30:40] = 3
    label[0, 0] = 3
    assert boxes_of_labels(label, [7, 3]) == [
        '1 0.300000 0.350000 0.200000 0.300000',
        '1 0.875000 0.750000 0.250000 0.300000',
    ]


def test_maps_name_classes_that_exist():
    camvid = ClassMatrix(
        load_label_map('cityscapes_to_camvid'), shipped_class_table('cityscapes').classes
    )
    names = [item.name for item in camvid.classes]
    assert names == [item.name for item in shipped_class_table('camvid').classes]
    train_ids = np.eye(19, dtype=np.float32)[:, :, None]
    mapped = camvid.apply(train_ids)[..., 0]
    found = [names[column.argmax()] if column.any() else None for column in mapped.T]
    assert found == [
        'road', 'pavement', 'building', None, 'fence', 'pole', 'sign_symbol', 'sign_symbol',
        'tree', None, 'sky', 'pedestrian', 'bicyclist', 'car', 'car', 'car', None, 'bicyclist',
        'bicyclist',
    ]  # fmt: skip
    indoor = shipped_class_table('indoor').classes
    rules = ClassMatrix(load_label_map('loco'), indoor).rules
    labels = [indoor[i].name for i in rules.labels]
    assert labels == ['vehicle', 'pallet', 'vehicle', 'object', 'object']
    without = ClassMatrix(load_label_map('loco_without_furniture'), indoor).rules
    assert without.labels == rules.labels
    assert set(without.only_in_boxes) == {*rules.only_in_boxes, 5}
    assert indoor[5].name == 'furniture'
    own = ClassMatrix(LabelMap(), indoor)
    assert own.classes == indoor and np.array_equal(own.matrix, np.eye(10))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'remap': {'flor': 'floor'}}, "remap of the label map 'flor'; did you mean 'floor'"),
        ({'boxes': [{'name': 'crate', 'label': 'objct'}]}, "box crate.*'object'"),
        ({'over': ['persn']}, "over of the label map 'persn'"),
        ({'classes': 'camvid'}, 'expected a remap of some to sky'),
        ({'boxes': [{'name': 'crate', 'label': 'object', 'fill': 2}]}, 'fill of crate is 2'),
        ({'odds': 0.5}, 'odds is 0.5, expected at least 1'),
        ({'overs': []}, "did you mean 'over'"),
    ],
)
def test_wrong_name_in_a_map_is_an_error(tmp_path, changes, words):
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump({'classes': 'indoor', **changes}))
    own = shipped_class_table('indoor').classes
    with pytest.raises((UnknownNameError, InvalidValueError), match=words):
        ClassMatrix(load_label_map(str(tmp_path / 'map.yaml')), own)


class LeftIsFirst(FixedSizeTeacher):
    """A network that sees the first of two classes in its left half, none in dark pixels."""

    classes = shipped_class_table('camvid').classes[:2]
    size = (8, 16)

    def predict(self, pixels):
        is_left = np.repeat((np.arange(16) < 8)[None], 8, 0)
        return np.stack([is_left, ~is_left]) * (pixels[0, ..., 0] > 50).astype(np.float32)


def test_views_are_averaged_and_mirrored_back():
    image = np.full((16, 32, 3), 200, np.uint8)
    image[:, 24:] = 0
    plain = LeftIsFirst().averaged(image, [1.0], flip=False)
    assert plain.shape == (2, 16, 32)
    assert plain[0, 8, 4] == 1 and plain[1, 8, 18] == 1 and plain[:, 8, 28].sum() == 0
    both = LeftIsFirst().averaged(image, [1.0], flip=True)
    assert both[:, 8, 4].tolist() == [0.5, 0.5] and both[:, 8, 28].sum() == 0


@pytest.mark.parametrize('scale', [0.5, 0.75, 1.5, 2.0])
def test_scaled_view_covers_the_image(scale):
    image = np.full((16, 32, 3), 200, np.uint8)
    image[:, 24:] = 0
    found = LeftIsFirst().averaged(image, [scale], flip=False)
    assert found.shape == (2, 16, 32)
    assert found[:, 8, 3].sum() == pytest.approx(1)
    assert found[:, 8, 29].sum() == pytest.approx(0)


def test_options_are_checked():
    for wrong in ({'threshold': 0.0}, {'threshold': 1.1}, {'scales': ()}, {'scales': (0.1,)}):
        with pytest.raises(InvalidValueError):
            LabelingOptions(**wrong)
