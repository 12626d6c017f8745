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

"""Folders of labelme's JSON files: shapes, names, paths of images, damaged files."""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from swiftnet_ros.errors import FileMissingError, SwiftnetError, UnpairedFilesError
from training.datasets import open_dataset
import yaml

HEIGHT, WIDTH = 8, 10
FLOOR = ('floor', 'polygon', [[0, 4], [9, 4], [9, 7], [0, 7]])


def shape(label: str, kind: str | None, points: Any, **more: Any) -> dict[str, Any]:
    """Return a shape as labelme 5 writes it."""
    fields = {'group_id': None, 'description': '', 'flags': {}, 'mask': None}
    return {'label': label, 'points': points, 'shape_type': kind, **fields, **more}


def write(path: Path, *shapes: dict[str, Any], image: str | None = None, **more: Any) -> Path:
    """Write the JSON file of an image as labelme does, and the image next to it."""
    tree = {
        'version': '5.5.0',
        'flags': {},
        'shapes': list(shapes),
        'imagePath': image or f'{path.stem}.png',
        'imageData': None,
        'imageHeight': HEIGHT,
        'imageWidth': WIDTH,
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))
    if image is None:
        cv2.imwrite(str(path.with_suffix('.png')), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return path


def png(mask: np.ndarray) -> str:
    return base64.b64encode(cv2.imencode('.png', mask)[1].tobytes()).decode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with labelme's own list of class names."""
    (tmp_path / 'labels.txt').write_text('__ignore__\n_background_\nfloor\nbox\n')
    return tmp_path


def label(root: Path, *shapes: dict[str, Any], **options: Any) -> list[list[int]]:
    write(root / 'train' / 'a.json', *shapes)
    sample = open_dataset('labelme', root, 'train', options)[0]
    assert (sample.name, sample.image.shape) == ('a', (HEIGHT, WIDTH, 3))
    return sample.label.tolist()


def test_shapes_are_drawn_in_their_order(root, capsys):
    found = label(
        root,
        shape(*FLOOR),
        shape('box', 'rectangle', [[4, 5], [2, 2]], group_id=3),
        shape('__ignore__', 'rectangle', [[0, 6], [1, 7]]),
        shape('floor', 'linestrip', [[0, 0], [9, 0]]),
        shape('floor', 'point', [[5, 0]]),
    )
    expected = np.full((HEIGHT, WIDTH), 255)
    expected[4:] = 0
    expected[2:6, 2:5] = 1
    expected[6:, :2] = 255
    assert found == expected.tolist()
    (line,) = capsys.readouterr().err.splitlines()
    assert 'left out, since they have no area: 1 linestrip, 1 point' in line


def test_circles_masks_and_old_polygons(root):
    corner = np.array([[1, 0], [1, 1]], np.uint8)
    found = label(
        root,
        shape('floor', 'circle', [[4, 3], [6, 3]]),
        shape('box', 'mask', [[8, 6], [9, 7]], mask=png(corner)),
        # labelme 3 wrote no type.
        shape('box', None, [[0, 0], [1, 0], [1, 1], [0, 1]]),
    )
    assert found == [
        [1, 1, 255, 255, 255, 255, 255, 255, 255, 255],
        [1, 1, 255, 0, 0, 0, 255, 255, 255, 255],
        [255, 255, 0, 0, 0, 0, 0, 255, 255, 255],
        [255, 255, 0, 0, 0, 0, 0, 255, 255, 255],
        [255, 255, 0, 0, 0, 0, 0, 255, 255, 255],
        [255, 255, 255, 0, 0, 0, 255, 255, 255, 255],
        [255, 255, 255, 255, 255, 255, 255, 255, 1, 255],
        [255, 255, 255, 255, 255, 255, 255, 255, 1, 1],
    ]


def test_classes_yaml_remap_and_background(root, capsys):
    classes = [{'name': name, 'rgb': [i, i, i]} for i, name in enumerate(('wall', 'ground'))]
    (root / 'classes.yaml').write_text(yaml.safe_dump({'classes': classes}))
    sign = shape('sign', 'rectangle', [[0, 0], [0, 0]])
    hole = shape('_background_', 'rectangle', [[9, 7], [9, 7]])
    found = label(root, shape(*FLOOR), sign, hole, remap={'floor': 'ground'}, background='wall')
    expected = np.zeros((HEIGHT, WIDTH))
    expected[4:] = 1
    expected[0, 0] = 255
    expected[7, 9] = 0
    assert found == expected.tolist()
    (line,) = capsys.readouterr().err.splitlines()
    assert 'the class table does not have them: sign (1); ' in line
    assert 'no annotation is of class wall' in line


def test_images_may_be_in_another_folder_of_the_root(root, capsys):
    (root / 'images').mkdir()
    cv2.imwrite(str(root / 'images' / 'b.png'), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    write(root / 'train' / 'b.json', shape(*FLOOR), image='..\\images\\b.png')
    assert len(open_dataset('labelme', root, 'train')) == 1
    cv2.imwrite(str(root / 'train' / 'new.png'), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(UnpairedFilesError, match=r'images without annotations: 1 \(train/new.png'):
        open_dataset('labelme', root, 'train')
    assert len(open_dataset('labelme', root, 'train', {'allow_unpaired': True})) == 1
    write(root / 'train' / 'c.json', shape(*FLOOR), image='../images/b.png')
    with pytest.raises(SwiftnetError, match=r'c.json: .*b.png is annotated twice'):
        open_dataset('labelme', root, 'train')


def test_a_list_of_names_is_needed(root):
    (root / 'labels.txt').unlink()
    with pytest.raises(FileMissingError, match='labels.txt'):
        label(root, shape(*FLOOR))


SQUARE = [[1, 1], [2, 1], [2, 2]]
DAMAGED = {
    'outside': {'imagePath': '../../secret.png'},
    'absolute': {'imagePath': '/etc/hostname'},
    'drive': {'imagePath': 'C:/a.png'},
    'zero': {'imagePath': 'a\0.png'},
    'number': {'imagePath': 5},
    'negative size': {'imageHeight': -8},
    'huge size': {'imageWidth': 10**9},
    'no size': {'imageWidth': None},
    'no shapes': {'shapes': None},
    'shape of text': {'shapes': ['floor']},
    'no label': {'shapes': [shape(None, 'polygon', SQUARE)]},
    'no points': {'shapes': [shape('floor', 'polygon', None)]},
    'two corners': {'shapes': [shape('floor', 'polygon', SQUARE[:2])]},
    'far away': {'shapes': [shape('floor', 'polygon', [[1, 1], [1e12, 1], [2, 2]])]},
    'too long': {'shapes': [shape('floor', 'polygon', [[0, 0], [9, 7]] * 300_000)]},
    'text': {'shapes': [shape('floor', 'polygon', [['a', 1]] * 3)]},
    'three numbers': {'shapes': [shape('floor', 'polygon', [[1, 1, 1]] * 3)]},
    'unknown type': {'shapes': [shape('floor', 'spline', SQUARE)]},
    'type of list': {'shapes': [shape('floor', ['polygon'], SQUARE)]},
    'circle of three': {'shapes': [shape('floor', 'circle', SQUARE)]},
    'NaN': {'shapes': [shape('floor', 'circle', [[float('nan'), 1], [2, 2]])]},
    'mask outside': {'shapes': [shape('floor', 'mask', [[0, 0], [10, 1]], mask='')]},
    'mask of no text': {'shapes': [shape('floor', 'mask', [[0, 0], [1, 1]], mask='%')]},
    'mask of a number': {'shapes': [shape('floor', 'mask', [[0, 0], [1, 1]], mask=5)]},
    'no PNG': {'shapes': [shape('floor', 'mask', [[0, 0], [1, 1]], mask='aGFsbG8=')]},
    'mask of another size': {
        'shapes': [shape('floor', 'mask', [[0, 0], [1, 1]], mask=png(np.ones((9, 9), np.uint8)))]
    },
}


@pytest.mark.parametrize('change', DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_one_line(root, change):
    path = write(root / 'train' / 'a.json', shape(*FLOOR), **change)
    with pytest.raises(SwiftnetError) as caught:
        open_dataset('labelme', root, 'train').read_label(0)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)
