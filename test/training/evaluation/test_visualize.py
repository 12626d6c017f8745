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

"""The contact sheet shows images, label images and predictions, panel by panel."""

import cv2
from helpers.bags import write_bag
from helpers.tiny_model import write_tiny_model
import numpy as np
import pytest
from training.__main__ import main
from training.datasets.base import Sample
from training.evaluation.visualize import ContactSheet, PredictedSample

SCENES = ['--dataset', 'warehouse', '--split', 'demo', '--option', 'frames=3',
          '--option', 'height=288', '--option', 'width=512']  # fmt: skip
SMALL = [*SCENES, '--remap', 'rack=furniture', '--remap', 'box=object', '--remap',
         'forklift=vehicle']  # fmt: skip


def draw(path, *more):
    assert main(['visualize', 'indoor', *SMALL, '-o', str(path), '--width', '128', *more]) == 0
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_panels_of_an_image_are_in_a_row(tmp_path):
    sheet = draw(tmp_path / 'a.png', '--indices', '2', '0', '--show', 'image', 'truth', 'labels')
    assert sheet.shape == (144, 384, 3)
    image, truth, labels = np.split(sheet[:72], 3, axis=1)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100
    colors = {tuple(color) for color in np.unique(truth.reshape(-1, 3), axis=0)}
    assert {tuple(color) for color in np.unique(labels.reshape(-1, 3), axis=0)} <= colors | {
        (128, 64, 128), (110, 115, 120), (220, 90, 220), (40, 170, 110), (90, 160, 255),
        (200, 120, 60), (240, 200, 90), (220, 20, 60), (190, 130, 60), (250, 110, 20),
    }  # fmt: skip
    assert np.mean((truth == labels).all(-1)) > 0.7
    assert np.mean((sheet[72:, 128:256] == labels).all(-1)) < 0.9


def test_images_can_be_next_to_each_other(tmp_path):
    rows = draw(tmp_path / 'a.png', '--pictures', '0', '1', '2', '--show', 'truth', 'overlay')
    across = draw(
        tmp_path / 'b.png', '--pictures', '0', '1', '2', '--show', 'truth', 'overlay', '--across'
    )
    assert rows.shape == (216, 256, 3) and across.shape == (144, 384, 3)
    assert np.array_equal(rows[72:144, 128:], across[72:, 128:256])


@pytest.mark.parametrize(
    ('more', 'words'),
    [
        (['--pictures', '3'], '--indices is 3, expected from 0 to 2'),
        (['--show', 'truht'], "panel 'truht'; did you mean 'truth'"),
        (['--width', '0'], '--width is 0'),
        (['-o', 'sheet.gif'], '.png or .jpg'),
        (['-o', 'nowhere/sheet.png'], 'folder not found: nowhere'),
    ],
)
def test_mistake_is_one_line(more, words, capsys):
    assert main(['visualize', 'indoor', *SMALL, '-o', 'a.png', *more]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_model_of_other_classes_raises(tmp_path, capsys):
    assert main(['visualize', 'street', *SCENES, '-o', str(tmp_path / 'a.png')]) == 1
    assert 'differ in' in capsys.readouterr().err


COLORS = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]


@pytest.fixture
def model(tmp_path):
    """Write a model that predicts the class of the nearest color."""
    write_tiny_model(tmp_path / 'tiny.onnx', COLORS, height=16, width=32)
    return str(tmp_path / 'tiny.onnx')


@pytest.fixture
def images(tmp_path):
    """Write a folder of images of one color each."""
    (tmp_path / 'images').mkdir()
    for number, color in enumerate(COLORS):
        pixels = np.full((16, 32, 3), color[::-1], np.uint8)
        cv2.imwrite(str(tmp_path / 'images' / f'image{number}.png'), pixels)
    return tmp_path / 'images'


def read(path):
    """Return an image as it is stored."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_frames_of_a_folder_become_labels_overlays_and_a_sheet(tmp_path, model, images, capsys):
    sheet, labels, overlays = (tmp_path / name for name in ('a.png', 'labels', 'overlays'))
    words = ['--source', str(images), '-o', str(sheet), '--width', '32']
    more = ['--labels', str(labels), '--overlays', str(overlays)]
    assert main(['visualize', model, *words, *more]) == 0
    assert capsys.readouterr().out.splitlines() == [str(sheet), str(labels), str(overlays)]
    for number in range(3):
        assert (read(labels / f'image{number}.png') == number).all()
        assert read(overlays / f'image{number}.jpg').shape == (16, 32, 3)
    # image, labels and overlay of each of three frames
    assert read(sheet).shape == (48, 96, 3)
    assert (read(sheet)[16:32, 32:64] == COLORS[1][::-1]).all()


def test_every_and_count_choose_frames(tmp_path, model, images):
    labels = tmp_path / 'labels'
    words = ['visualize', model, '--source', str(images), '--labels', str(labels)]
    assert main([*words, '--every', '2', '--count', '1']) == 0
    assert [path.name for path in labels.iterdir()] == ['image0.png']
    assert main([*words, '--every', '2']) == 0
    assert sorted(path.name for path in labels.iterdir()) == ['image0.png', 'image2.png']


def test_frames_of_a_video_and_a_bag_get_the_labels_of_their_images(tmp_path, model):
    pixels = [np.full((16, 32, 3), color, np.uint8) for color in COLORS]
    writer = cv2.VideoWriter(
        str(tmp_path / 'v.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 16)
    )
    for image in pixels:
        writer.write(image[..., ::-1])
    writer.release()
    write_bag(tmp_path / 'bag', [('/image', image) for image in pixels], 10**9, 'mcap')
    for source in ('v.avi', 'bag'):
        folder, frames = tmp_path / f'labels of {source}', tmp_path / f'frames of {source}'
        words = ['--source', str(tmp_path / source), '--labels', str(folder)]
        assert main(['visualize', model, *words, '--frames', str(frames)]) == 0
        found = [read(path) for path in sorted(folder.iterdir())]
        assert [np.unique(label).tolist() for label in found] == [[0], [1], [2]]
        images = [read(path)[..., ::-1] for path in sorted(frames.iterdir())]
        assert np.abs(np.array(images, int) - np.array(pixels)).max() < 8
        names = [sorted(path.name for path in written.iterdir()) for written in (frames, folder)]
        assert names[0] == names[1]


def test_of_many_frames_a_sheet_shows_some_evenly_spread():
    sheet = ContactSheet(['image'], 1, most=4)
    for number in range(11):
        sample = Sample(np.full((1, 1, 3), number, np.uint8), np.zeros((1, 1), np.uint8), '')
        sheet.add(PredictedSample(sample, sample.label, np.zeros((1, 3), np.uint8)))
    assert sheet.image()[:, 0, 0].tolist() == [0, 4, 8]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ('-o a.png', 'visualize also needs --dataset NAME or --source PATH'),
        ('--dataset warehouse', '--dataset also needs -o FILE'),
        ('--source IMAGES', '--source also needs -o FILE, --labels, --overlays or --frames DIR'),
        ('--source IMAGES -o a.png --dataset warehouse', '--dataset cannot be combined with --s'),
        ('--source IMAGES -o a.png --indices 1', '--indices cannot be combined with --source'),
        ('--source IMAGES -o a.png --show truth', '--show truth cannot be combined with --source'),
        ('--source IMAGES -o a.png --topic /image', '--topic cannot be combined with '),
        ('--source IMAGES -o a.png --every 0', '--every is 0, expected at least 1'),
        ('--source IMAGES --labels MODEL', 'expected a folder'),
        ('--dataset warehouse -o a.png --every 2', '--every also needs --source PATH'),
        ('--source nowhere -o a.png', 'folder of images not found: nowhere'),
        ('--source nowhere.mcap -o a.png', 'bag not found: nowhere.mcap'),
    ],
)
def test_mistake_with_a_source_is_one_line(words, message, model, images, capsys):
    known = {'IMAGES': str(images), 'MODEL': model}
    assert main(['visualize', model, *(known.get(word, word) for word in words.split())]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
