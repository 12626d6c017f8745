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

"""Every dataset on a tiny folder in its official layout, and the rendered warehouse."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
from helpers.tiny_training import write_folder
import numpy as np
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelFormatError,
    LabelIdError,
    NoImagesError,
    SizeMismatchError,
    SwiftnetError,
    UnknownNameError,
    UnpairedFilesError,
    UnreadableFileError,
)
from training.datasets import open_dataset
from training.datasets.warehouse import FIRST_SEED
from training.warehouse_renderer import render

# The (image, label) paths of the training images 0 and 1.
LAYOUTS = {
    'camvid': [(f'train/images/a{i}.png', f'train/labels/a{i}.png') for i in range(2)],
    'cityscapes': [
        (
            f'leftImg8bit/train/ulm/ulm_{i}_leftImg8bit.png',
            f'gtFine/train/ulm/ulm_{i}_gtFine_labelIds.png',
        )
        for i in range(2)
    ],
    'ade20k': [
        (f'images/training/ADE_{i}.jpg', f'annotations/training/ADE_{i}.png') for i in range(2)
    ],
    'folder': [(f'train/images/deep/b{i}.jpg', f'train/labels/deep/b{i}.png') for i in range(2)],
}
# The ids in the label files, and the class ids that they are mapped to.
IDS = {
    'camvid': ([0, 3, 10, 11, 255], [0, 3, 10, 255, 255]),
    'cityscapes': ([7, 8, 24, 33, 0, 10], [0, 1, 11, 18, 255, 255]),
    'ade20k': ([0, 1, 2, 150], [255, 0, 1, 149]),
    'folder': ([4, 9, 2, 255], [0, 1, 255, 255]),
}
TABLE = """
classes: [{name: floor, rgb: [1, 2, 3]}, {name: rack, rgb: [4, 5, 6]}]
source_ids: [4, 9]
ignored_source_ids: [2]
"""


def write_image(root: Path, pair: tuple[str, str], ids: list[int], height: int) -> None:
    """Write an image of one color and a label of horizontal stripes, `height` rows per id."""
    for name in pair:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    label = np.repeat(np.array(ids, np.uint8)[:, np.newaxis], height, 0).repeat(5, 1)
    image = np.full((*label.shape, 3), (30, 20, 10), np.uint8)
    assert cv2.imwrite(str(root / pair[0]), image)
    assert cv2.imwrite(str(root / pair[1]), label)


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes two images of different sizes in the layout of a dataset."""

    def make(name: str) -> Path:
        for index, pair in enumerate(LAYOUTS[name]):
            write_image(tmp_path, pair, IDS[name][0], 2 + index)
        if name == 'folder':
            (tmp_path / 'classes.yaml').write_text(TABLE)
        return tmp_path

    return make


@pytest.mark.parametrize('name', LAYOUTS)
class TestEveryLayout:
    """A dataset in each layout."""

    def test_ids_are_mapped_and_images_are_rgb(self, tree, name):
        dataset = open_dataset(name, tree(name), 'train')
        assert len(dataset) == 2
        for index, sample in enumerate(dataset[i] for i in range(2)):
            assert sample.label[:: 2 + index, 0].tolist() == IDS[name][1]
            assert sample.image.shape == (*sample.label.shape, 3)
            assert np.abs(sample.image.astype(int) - (10, 20, 30)).max() <= 2
            assert (sample.image.dtype, sample.label.dtype) == (np.uint8, np.uint8)

    def test_missing_label_raises(self, tree, name):
        root = tree(name)
        label = root / LAYOUTS[name][1][1]
        label.unlink()
        with pytest.raises(UnpairedFilesError, match=r'images without a label: 1 \(.*\.\w+g\)'):
            open_dataset(name, root, 'train')
        assert len(open_dataset(name, root, 'train', {'allow_unpaired': True})) == 1

    def test_missing_root_raises(self, tree, name):
        with pytest.raises(FileMissingError, match=f'folder of the {name} dataset not found'):
            open_dataset(name, tree(name) / 'nowhere', 'train')
        with pytest.raises(InvalidValueError, match=f'--root is None, expected .*{name}'):
            open_dataset(name, None, 'train')

    def test_unknown_split_raises(self, tree, name):
        with pytest.raises(
            SwiftnetError, match='split is .*one of train|folder of images not found'
        ):
            open_dataset(name, tree(name), 'trian')

    def test_unknown_option_raises(self, tree, name):
        with pytest.raises(UnknownNameError, match=f"option of dataset {name} 'frames'"):
            open_dataset(name, tree(name), 'train', {'frames': 3})


@pytest.mark.parametrize(
    ('label', 'error', 'words'),
    [
        (np.full((10, 5), 200), LabelIdError, 'contains label ids 200, the class table has'),
        (np.zeros((3, 4)), SizeMismatchError, 'is 4x3 pixels, expected 5x10'),
        (np.zeros((10, 5, 3)), LabelFormatError, 'has colors or transparency'),
    ],
)
def test_invalid_label_image_raises(tree, label, error, words):
    root = tree('camvid')
    cv2.imwrite(str(root / LAYOUTS['camvid'][0][1]), label.astype(np.uint8))
    with pytest.raises(error, match=words):
        open_dataset('camvid', root, 'train')[0]


@pytest.mark.parametrize('part', [0, 1])
def test_corrupt_file_raises(tree, part):
    root = tree('camvid')
    path = root / LAYOUTS['camvid'][0][part]
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UnreadableFileError, match=f'cannot read (label )?image .*{path.name}'):
        open_dataset('camvid', root, 'train')[0]


def test_folder_without_images_raises(tree):
    root = tree('camvid')
    for image, _ in LAYOUTS['camvid']:
        (root / image).rename((root / image).with_suffix('.txt'))
    with pytest.raises(NoImagesError, match='no images in .*expected files ending in'):
        open_dataset('camvid', root, 'train')


def test_folder_with_another_class_table(tmp_path, monkeypatch):
    root = write_folder(tmp_path / 'set')
    table = (root / 'classes.yaml').rename(tmp_path / 'other.yaml')
    with pytest.raises(FileMissingError, match='class table not found'):
        open_dataset('folder', root, 'val')
    monkeypatch.setenv('TABLES', str(tmp_path))
    dataset = open_dataset('folder', root, 'val', {'classes': f'$TABLES/{table.name}'})
    assert [item.name for item in dataset.table.classes] == ['class0', 'class1', 'class2']


def test_unknown_data_set_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="dataset 'camvit'; did you mean 'camvid'"):
        open_dataset('camvit', None, 'train')


SMALL = {'frames': 3, 'height': 40, 'width': 72}


def test_warehouse_caches_rendered_scenes(tmp_path):
    fresh = open_dataset('warehouse', None, 'val', SMALL)
    kept = open_dataset('warehouse', tmp_path / 'cache', 'val', SMALL)
    for again in (kept, kept):
        for index in range(3):
            assert np.array_equal(again[index].image, fresh[index].image)
            assert np.array_equal(again[index].label, fresh[index].label)
            assert again[index].name == fresh[index].name
    files = [path for path in (tmp_path / 'cache').rglob('*') if path.is_file()]
    assert len(files) == 6
    expected = render(FIRST_SEED['val'] + 2, 40, 72)
    assert np.array_equal(fresh[2].image, expected.image)
    assert np.array_equal(fresh[2].label, expected.label)


def test_cached_scenes_are_read_instead_of_rendered(tmp_path):
    kept = open_dataset('warehouse', tmp_path, 'val', SMALL)
    label = kept[0].label
    path = next(tmp_path.rglob('*_label.png'))
    cv2.imwrite(str(path), np.where(label == 0, 1, label))
    assert not np.array_equal(kept[0].label, label)
    path.write_bytes(b'cut')
    with pytest.raises(UnreadableFileError):
        kept[0]


def test_warehouse_splits_have_disjoint_seeds():
    opened = [open_dataset('warehouse', None, split) for split in FIRST_SEED]
    first = sorted(scenes.first_seed for scenes in opened)
    assert all(low + 1_000_000 <= high for low, high in pairwise(first))
    with pytest.raises(InvalidValueError, match='frames is 1000001'):
        open_dataset('warehouse', None, 'train', {'frames': 1_000_001})


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'frames': 0}, 'frames is 0, expected a number from 1'),
        ({'frames': 'all'}, "option frames of dataset warehouse is 'all', expected int | None"),
        ({'height': 0}, 'height is 0, expected a number of pixels'),
        ({'heigth': 9}, "option of dataset warehouse 'heigth'; did you mean 'height'"),
    ],
)
def test_invalid_warehouse_options_raise(options, words):
    with pytest.raises(SwiftnetError) as caught:
        open_dataset('warehouse', None, 'train', options)
    assert words in str(caught.value)


def test_iterating_over_the_warehouse_ends():
    scenes = open_dataset('warehouse', None, 'val', SMALL)
    assert len(list(scenes)) == len(scenes) == 3
