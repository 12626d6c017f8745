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
import numpy as np
import pytest
from training.__main__ import main

SMALL = ['--dataset', 'warehouse', '--split', 'demo', '--option', 'frames=3',
         '--option', 'height=288', '--option', 'width=512']  # fmt: skip


def draw(path, *more):
    assert main(['visualize', 'warehouse', *SMALL, '-o', str(path), '--width', '128', *more]) == 0
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_panels_of_an_image_are_in_a_row(tmp_path):
    sheet = draw(tmp_path / 'a.png', '--indices', '2', '0', '--show', 'image', 'truth', 'labels')
    assert sheet.shape == (144, 384, 3)
    image, truth, labels = np.split(sheet[:72], 3, axis=1)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100
    colors = {tuple(color) for color in np.unique(truth.reshape(-1, 3), axis=0)}
    assert {tuple(color) for color in np.unique(labels.reshape(-1, 3), axis=0)} <= colors | {
        (128, 64, 128), (70, 130, 180), (190, 130, 60), (240, 200, 90), (250, 110, 20),
        (220, 20, 60), (110, 115, 120), (40, 170, 110),
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
    assert main(['visualize', 'warehouse', *SMALL, '-o', 'a.png', *more]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_model_of_other_classes_raises(tmp_path, capsys):
    assert main(['visualize', 'camvid', *SMALL, '-o', str(tmp_path / 'a.png')]) == 1
    assert 'differ in' in capsys.readouterr().err
