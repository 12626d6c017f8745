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

"""COCO's annotation files: layouts, masks, order of drawing, names, damaged files."""

import json
from pathlib import Path
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    SwiftnetError,
    UnknownNameError,
    UnpairedFilesError,
)
from training.datasets import open_dataset
from training.datasets.base import MissingPackageError, names_sha256
from training.datasets.coco_masks import draw_mask, read_mask
import yaml

HEIGHT, WIDTH = 6, 8
THINGS = {'person': 1, 'forklift': 90}
STUFF = {'floor-other': 118, 'other': 183}
# Runs of 0 and 1 by columns.
COLUMNS = {'size': [HEIGHT, WIDTH], 'counts': [12, 12, 24]}


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def write_images(folder: Path, *names: str, width: int = WIDTH) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((HEIGHT, width, 3), 7, np.uint8))


def tree(categories: dict[str, int], *annotations: dict[str, Any], **image: Any) -> dict:
    """Return a file of one image, 000000000139.png, in the form of COCO's own."""
    filled = [
        {'id': number, 'image_id': 139, 'iscrowd': 0, 'area': 1, 'bbox': [0, 0, 1, 1], **item}
        for number, item in enumerate(annotations)
    ]
    size = {'height': HEIGHT, 'width': WIDTH}
    return {
        'info': {'year': 2017, 'version': '1.0'},
        'licenses': [{'id': 1, 'name': 'any', 'url': ''}],
        'images': [{'id': 139, 'file_name': '000000000139.png', 'license': 1, **size, **image}],
        'annotations': filled,
        'categories': [
            {'id': number, 'name': name, 'supercategory': 'x'}
            for name, number in categories.items()
        ],
    }


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_classes(root: Path, *names: str) -> None:
    classes = [{'name': name, 'rgb': [i, i, i]} for i, name in enumerate(names)]
    (root / 'classes.yaml').write_text(yaml.safe_dump({'classes': classes}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder in COCO's own layout: images in SPLIT/, two files in annotations/."""
    write_images(tmp_path / 'val2017', '000000000139.png')
    things = tree(
        THINGS,
        {'category_id': 1, 'segmentation': box(1, 1, 3, 3)},
        {'category_id': 90, 'segmentation': box(0, 0, 5, 5)},
        {'category_id': 1, 'segmentation': {**COLUMNS, 'counts': [36, 12]}, 'iscrowd': 1},
        {'category_id': 1, 'segmentation': []},
    )
    stuff = tree(
        STUFF,
        {'category_id': 118, 'segmentation': {**COLUMNS, 'counts': compressed([0, 24, 24])}},
        {'category_id': 183, 'segmentation': {**COLUMNS, 'counts': compressed([24, 24])}},
    )
    write(tmp_path / 'annotations' / 'instances_val2017.json', things)
    write(tmp_path / 'annotations' / 'stuff_val2017.json', stuff)
    return tmp_path


def compressed(counts: list[int]) -> str:
    """Return run lengths as pycocotools compresses them."""
    from pycocotools import mask

    size = {'size': [HEIGHT, WIDTH], 'counts': counts}
    return mask.frPyObjects(size, HEIGHT, WIDTH)['counts'].decode()


def test_compressed_masks_equal_the_library():
    from pycocotools import mask

    random = np.random.default_rng(3)
    for _ in range(30):
        size = tuple(int(side) for side in random.integers(1, 300, 2))
        pixels = np.asfortranarray(random.random(size) > random.random(), np.uint8)
        counts = mask.encode(pixels)['counts'].decode()
        read = read_mask({'size': list(size), 'counts': counts}, size, Path('a.json'))
        assert np.array_equal(draw_mask(read, Path('a.json')), pixels)


def label(root: Path, **options: Any) -> np.ndarray:
    split = 'val2017' if (root / 'val2017').is_dir() else 'train'
    dataset = open_dataset('coco', root, split, options)
    sample = dataset[0]
    assert np.array_equal(sample.label, dataset.read_label(0))
    return sample.label


def test_objects_are_drawn_over_stuff_and_small_ones_over_large_ones(root, capsys):
    found = label(root)
    # Names in the order of the files and their categories: floor-other, other, person, forklift.
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[:, 4:] = 1
    # The crowd covers the last two columns.
    expected[:, 6:] = 2
    expected[:5, :5] = 3
    expected[1:3, 1:3] = 2
    assert found.tolist() == expected.tolist()
    assert 'left out, since they have no mask: 1 annotations' in capsys.readouterr().err


def test_crowd_may_be_unlabeled(root):
    assert (label(root, crowd='unlabeled')[:, 6:] == 255).all()
    with pytest.raises(SwiftnetError, match='option crowd'):
        label(root, crowd='no')


def test_classes_are_matched_by_name_and_others_are_reported(root, capsys):
    write_classes(root, 'person', 'floor', 'pallet')
    found = label(root, remap={'floor-other': 'floor'})
    assert sorted(np.unique(found)) == [0, 1, 255]
    assert found[5].tolist() == [1, 1, 1, 1, 255, 255, 0, 0]
    # The forklift hides the floor, and no class is known there.
    assert found[4, 0] == 255
    (line,) = capsys.readouterr().err.splitlines()
    assert 'does not have them: other (1), forklift (1); ' in line
    assert 'no annotation is of class pallet' in line
    with pytest.raises(UnknownNameError, match='remap'):
        label(root, remap={'person': 'human'})


def test_background_is_a_class_of_its_own(root):
    path = root / 'annotations' / 'stuff_val2017.json'
    path.unlink()
    write_classes(root, 'floor', 'person', 'forklift')
    assert label(root, background='floor')[5].tolist() == [0] * 6 + [1] * 2
    assert label(root)[5].tolist() == [255] * 6 + [1] * 2
    with pytest.raises(UnknownNameError, match='background'):
        label(root, background='wall')


def test_exports_of_cvat_and_roboflow_are_found(tmp_path):
    content = tree({'person': 1}, {'category_id': 1, 'segmentation': box(2, 0, 4, 6)})
    expected = [[255, 255, 0, 0, 255, 255, 255, 255]] * HEIGHT
    cvat, roboflow, other = (tmp_path / name for name in ('cvat', 'roboflow', 'other'))
    write_images(cvat / 'images' / 'train', '000000000139.png')
    write(cvat / 'annotations' / 'instances_train.json', content)
    write_images(roboflow / 'train', '000000000139.png')
    write(roboflow / 'train' / '_annotations.coco.json', content)
    write_images(other / 'photos' / 'day', '000000000139.png')
    content['images'][0]['file_name'] = 'day\\000000000139.png'
    write(other / 'all.json', content)
    assert label(cvat).tolist() == expected
    assert label(roboflow).tolist() == expected
    assert label(other, annotations=['all.json'], images='photos').tolist() == expected
    with pytest.raises(FileMissingError, match='option annotations'):
        label(other)


def test_images_without_annotations_or_files_are_counted(root, capsys):
    path = root / 'annotations' / 'stuff_val2017.json'
    content = json.loads(path.read_text())
    image = {'height': HEIGHT, 'width': WIDTH}
    content['images'].append({'id': 5, 'file_name': 'empty.png', **image})
    write(path, content)
    assert len(open_dataset('coco', root, 'val2017')) == 1
    assert 'left out, since they have no annotation: 1 images' in capsys.readouterr().err
    content['annotations'].append({**content['annotations'][0], 'image_id': 5})
    write(path, content)
    with pytest.raises(UnpairedFilesError, match='annotations without an image: 1'):
        open_dataset('coco', root, 'val2017')
    dataset = open_dataset('coco', root, 'val2017', {'allow_unpaired': True})
    assert len(dataset) == 1 and len(names_sha256(dataset)) == 64


def test_image_of_another_size_than_stated_is_an_error(root):
    write_images(root / 'val2017', '000000000139.png', width=WIDTH + 1)
    with pytest.raises(SwiftnetError, match=r'stuff_val2017.json.*expected 9x6'):
        open_dataset('coco', root, 'val2017')[0]


DAMAGED = {
    'outside': {'file_name': '../../etc/passwd'},
    'absolute': {'file_name': '/etc/passwd'},
    'drive': {'file_name': 'C:\\a.png'},
    'no name': {'file_name': ''},
    'negative': {'height': -6},
    'huge': {'height': 10**6, 'width': 10**6},
    'fraction': {'height': 6.5},
}
BAD_MASKS = [
    [[1, 1, 2, 2]],
    [[1, 1, 2, 2, 3]],
    [[1, 1, 2, 2, 'a', 3]],
    [[1, 1, 2, 2, None, 3]],
    [[0, 0, 1e9, 0, 1e9, 1e9]],
    [[0, 0, 7, 5] * 500_000],
    [5],
    'text',
    {'counts': [48]},
    {'size': [8, 6], 'counts': [48]},
    {**COLUMNS, 'counts': [12, 12]},
    {**COLUMNS, 'counts': [49, -1]},
    {**COLUMNS, 'counts': [2**40]},
    {**COLUMNS, 'counts': 'ooo'},
    {**COLUMNS, 'counts': 'o' * 40 + '0'},
    {**COLUMNS, 'counts': '\u00e9\ud800'},
    {**COLUMNS, 'counts': '0 0'},
    {**COLUMNS, 'counts': None},
]


@pytest.mark.parametrize('change', DAMAGED.values(), ids=DAMAGED)
def test_damaged_images_are_one_line(tmp_path, change):
    write_images(tmp_path / 'train', '000000000139.png')
    content = tree({'a': 1}, {'category_id': 1, 'segmentation': box(0, 0, 2, 2)}, **change)
    path = write(tmp_path / 'annotations' / 'instances_train.json', content)
    with pytest.raises(SwiftnetError) as caught:
        label(tmp_path)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('number', range(len(BAD_MASKS)))
def test_damaged_masks_are_one_line(tmp_path, number):
    write_images(tmp_path / 'train', '000000000139.png')
    content = tree({'a': 1}, {'category_id': 1, 'segmentation': BAD_MASKS[number]})
    path = write(tmp_path / 'annotations' / 'instances_train.json', content)
    with pytest.raises(SwiftnetError) as caught:
        label(tmp_path)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_nan_is_no_coordinate(tmp_path):
    write_images(tmp_path / 'train', '000000000139.png')
    content = tree({'a': 1}, {'category_id': 1, 'segmentation': [[0, float('nan'), 2, 2, 3, 3]]})
    write(tmp_path / 'annotations' / 'instances_train.json', content)
    with pytest.raises(SwiftnetError, match='NaN'):
        label(tmp_path)


@pytest.mark.parametrize('key', ['image_id', 'category_id'])
def test_unknown_ids_are_an_error(tmp_path, key):
    write_images(tmp_path / 'train', '000000000139.png')
    item = {'category_id': 1, 'segmentation': box(0, 0, 2, 2), key: 7}
    write(tmp_path / 'annotations' / 'instances_train.json', tree({'a': 1}, item))
    with pytest.raises(SwiftnetError, match=rf'annotations\[0\] has an unknown {key}'):
        label(tmp_path)


def test_missing_package_is_named(root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with pytest.raises(MissingPackageError, match='needs the package pycocotools'):
        open_dataset('coco', root, 'val2017')
