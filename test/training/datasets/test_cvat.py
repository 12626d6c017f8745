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

"""CVAT's export "Segmentation mask": colors, names, splits, damaged files."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
import pytest
from swiftnet_ros.errors import FileMissingError, LabelFormatError, SwiftnetError
from training.datasets import open_dataset
from training.datasets.annotations import index_color
import yaml

LABEL_MAP = """# label:color_rgb:parts:actions
background:0,0,0::
floor:250,50,83::
lift: truck:61,61,245:fork,mast:driving
"""
COLORS = np.array([[0, 0, 0], [250, 50, 83], [61, 61, 245]], np.uint8)
INDICES = np.array([[0, 1, 1], [2, 2, 1]], np.uint8)


def write_pair(root: Path, name: str, mask: np.ndarray | Image.Image) -> Path:
    path = root / 'SegmentationClass' / f'{name}.png'
    for folder in (path.parent, (root / 'JPEGImages' / name).parent):
        folder.mkdir(parents=True, exist_ok=True)
    image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
    image.save(path)
    cv2.imwrite(str(root / 'JPEGImages' / f'{name}.jpg'), np.zeros((2, 3, 3), np.uint8))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an unpacked export with two images and an unused list of another subset."""
    (tmp_path / 'labelmap.txt').write_text(LABEL_MAP)
    write_pair(tmp_path, 'a', COLORS[INDICES])
    write_pair(tmp_path, 'hall 1/b', COLORS[INDICES[::-1]])
    lists = tmp_path / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    (lists / 'default.txt').write_text('a\nhall 1/b\n')
    (lists / 'val.txt').write_text('hall 1/b\n')
    return tmp_path


def labels(root: Path, split: str = 'default', **options: Any) -> list[list[list[int]]]:
    dataset = open_dataset('cvat', root, split, options)
    found = [dataset[index].label for index in range(len(dataset))]
    assert all(np.array_equal(dataset.read_label(i), label) for i, label in enumerate(found))
    return [label.tolist() for label in found]


def test_classes_are_those_of_the_label_map_without_background(root, capsys):
    dataset = open_dataset('cvat', root, 'default')
    assert [(item.name, item.rgb) for item in dataset.table.classes] == [
        ('floor', (250, 50, 83)),
        ('lift: truck', (61, 61, 245)),
    ]
    assert labels(root) == [[[255, 0, 0], [1, 1, 0]], [[1, 1, 0], [255, 0, 0]]]
    assert labels(root, 'val') == [[[1, 1, 0], [255, 0, 0]]]
    assert labels(root, without=['b.*']) == [[[255, 0, 0], [1, 1, 0]]]
    assert capsys.readouterr().err == ''


def test_classes_yaml_and_remap(root, capsys):
    classes = [{'name': name, 'rgb': [i, i, i]} for i, name in enumerate(('wall', 'floor', 'box'))]
    (root / 'classes.yaml').write_text(yaml.safe_dump({'classes': classes}))
    assert labels(root, 'val', remap={'background': 'wall'}) == [[[255, 255, 1], [0, 1, 1]]]
    (line,) = capsys.readouterr().err.splitlines()
    assert 'does not have them: lift: truck (2); ' in line
    assert 'no pixel in 1 images is of class box' in line


def test_palettes_are_colors_and_gray_values_are_indices(root):
    # The index of a palette is another one than the line of the label map.
    palette = Image.fromarray(3 - INDICES)
    palette.putpalette([9, 9, 9, *COLORS[::-1].ravel().tolist()])
    assert palette.mode == 'P'
    write_pair(root, 'a', palette)
    write_pair(root, 'hall 1/b', INDICES)
    expected = [[255, 0, 0], [1, 1, 0]]
    assert labels(root) == [expected, expected]


def test_other_colors_and_indices_are_errors(root):
    path = write_pair(root, 'a', COLORS[INDICES] + np.uint8(1))
    with pytest.raises(LabelFormatError, match=rf'{path.name} has the color \(1, 1, 1\)'):
        labels(root)
    write_pair(root, 'a', INDICES + np.uint8(1))
    with pytest.raises(LabelFormatError, match='the index 3'):
        labels(root)


def test_missing_files_are_named(root):
    with pytest.raises(FileMissingError, match='train.txt'):
        labels(root, 'train')
    with pytest.raises(FileMissingError, match='photos'):
        labels(root, images='photos')
    (root / 'SegmentationClass' / 'a.png').unlink()
    with pytest.raises(FileMissingError, match='a.png'):
        labels(root)


@pytest.mark.parametrize(
    'line', ['floor', 'floor:1,2::', 'floor:1,2,300::', 'x:250,50,83::', 'floor:1,2,3', ':1,1,1::']
)
def test_damaged_label_maps_are_one_line(root, line):
    path = root / 'labelmap.txt'
    path.write_text(f'{LABEL_MAP}{line}\n')
    with pytest.raises(SwiftnetError) as caught:
        labels(root)
    assert str(path) in str(caught.value) and 'line 5' in str(caught.value)


@pytest.mark.parametrize('name', ['../a', '/etc/a', ''])
def test_damaged_lists_are_one_line(root, name):
    path = root / 'ImageSets' / 'Segmentation' / 'default.txt'
    path.write_text(f'{name}\n')
    with pytest.raises(SwiftnetError) as caught:
        labels(root)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_colors_without_a_file_of_them_are_those_of_pascal_voc():
    assert [index_color(i) for i in (1, 2, 3, 8)] == [
        (128, 0, 0), (0, 128, 0), (128, 128, 0), (64, 0, 0)
    ]  # fmt: skip
