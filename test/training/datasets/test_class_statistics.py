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

"""Class weights and counts against values calculated by hand."""

from dataclasses import asdict
import json

import cv2
from helpers.tiny_training import step_losses, stopped_after, tiny_config, write_folder
import numpy as np
import pytest
from swiftnet_ros.core import image_files
from swiftnet_ros.errors import InvalidValueError, SwiftnetError, UnknownNameError
from training.__main__ import main
from training.datasets import base, open_dataset
from training.datasets.class_statistics import (
    class_weights,
    ClassCounts,
    count_pixels,
    load_or_count_classes,
    needs_counts,
    SCHEMES,
)
from training.run.folder import RunPaths
from training.schema.config import ClassWeightsConfig, config_from_tree, SamplingConfig
from training.trainer.train import train

NAMES = ('road', 'pole', 'never')
# Two images of 1000 labeled pixels; only the second shows the pole.
COUNTS = ClassCounts(NAMES, np.array([[1000, 0, 0], [900, 100, 0]]), {})


@pytest.mark.parametrize(
    ('scheme', 'options', 'expected'),
    [
        # The road has 1900 of 2000 pixels, the pole 100 of the 1000 of its image.
        ('median_frequency', {'limit': 1000}, 0.95 / 0.1),
        ('effective_number', {'beta': 0.9}, (1 - 0.9 ** (1900 / 256)) / (1 - 0.9)),
        ('effective_number', {'beta': 0.0}, 1),
        ('inverse_log', {}, np.log(1.97) / np.log(1.07)),
    ],
)
def test_scheme_matches_hand_calculation(scheme, options, expected):
    road, pole, _ = class_weights(ClassWeightsConfig(scheme, **options), COUNTS)
    assert pole / road == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_mean_weight_of_a_pixel_is_1_and_absent_classes_have_1(scheme):
    weights = class_weights(ClassWeightsConfig(scheme), COUNTS)
    assert sum(w * share for w, share in zip(weights, COUNTS.fractions(), strict=True)) == (
        pytest.approx(1, abs=1e-5)
    )
    assert weights[1] > weights[0]
    assert weights[2] == 1


def test_weights_are_limited_relative_to_the_median():
    counts = ClassCounts(NAMES, np.array([[10**9, 10**3, 1]]), {})
    common, middle, rare = class_weights(ClassWeightsConfig('median_frequency', limit=4), counts)
    assert rare / middle == pytest.approx(4, rel=1e-4)
    assert common / middle == pytest.approx(1 / 4, rel=1e-4)


def test_unlabeled_training_data_raises():
    counts = ClassCounts(NAMES, np.zeros((2, 3), np.int64), {})
    with pytest.raises(InvalidValueError, match="the training labels is 'all unlabeled'"):
        class_weights(ClassWeightsConfig('inverse_log'), counts)


def test_count_pixels_counts_the_labels(folder_root):
    dataset = open_dataset('folder', folder_root, 'train')
    counted = count_pixels(dataset)
    for index, row in enumerate(counted):
        label = dataset[index].label
        assert row.tolist() == [int((label == c).sum()) for c in (0, 1, 2, 255)]


def test_counts_are_needed_for_weights_and_for_sampling():
    equal, even = ClassWeightsConfig(), SamplingConfig()
    assert not needs_counts(equal, even)
    assert needs_counts(equal, SamplingConfig(0.1))
    assert needs_counts(ClassWeightsConfig('inverse_log'), even)
    with pytest.raises(UnknownNameError, match="did you mean 'median_frequency'"):
        needs_counts(ClassWeightsConfig('median_frequencies'), even)


def test_run_stores_its_counts_and_weights_and_reads_them_again(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 3})
    tree = {'class_weights': {'scheme': 'median_frequency'}, 'sampling': {'fraction': 0.5}}
    config = config_from_tree({**asdict(config), **tree})
    train(config, folder_root, tmp_path)
    path = RunPaths(tmp_path).class_counts
    kept = json.loads(path.read_text())
    dataset = open_dataset('folder', folder_root, 'train')
    assert kept['pixels'] == count_pixels(dataset)[:, :3].tolist()
    assert kept['unlabeled'] == [0] * 8
    assert kept['weight']['class1'] > kept['weight']['class0']
    assert kept['source']['pictures'] == 8
    kept['pixels'][0][0] = 7
    path.write_text(json.dumps(kept))
    assert load_or_count_classes(config.data, dataset, path).pixels[0, 0] == 7
    kept['source']['split'] = 'val'
    path.write_text(json.dumps(kept))
    assert load_or_count_classes(config.data, dataset, path).pixels[0, 0] != 7
    assert sum(step_losses(tmp_path)[-2:]) < sum(step_losses(tmp_path)[:2])


WARNING = (
    'warning: no pixel of {} is of class class1, class2; 13.9% of them are unlabeled (255 or '
    'ignored); if 255 marks a class, as in masks of 0 and 255, list the ids of the classes in the '
    'class table (source_ids: [0, 255])'
)


@pytest.fixture
def masks(tmp_path):
    """Return the root of a dataset whose label images are masks of 0 and 255."""
    root = write_folder(tmp_path / 'set')
    for path in root.glob('*/labels/*.png'):
        mask = np.zeros((64, 96), np.uint8)
        mask[:, 40:53] = 255
        cv2.imwrite(str(path), mask)
    return root


@pytest.mark.parametrize('scheme', ['none', 'effective_number'])
def test_masks_of_0_and_255_are_a_warning_at_every_start(masks, tmp_path, capsys, scheme):
    config = tiny_config(class_weights={'scheme': scheme}, train={'epochs': 3})
    share = f'{13 / 96:.1%}'
    expected = WARNING.replace('13.9%', share)
    with stopped_after(4):
        train(config, masks, tmp_path / 'run')
    lines = capsys.readouterr().err.splitlines()
    assert lines.count(expected.format('the training labels')) == 1
    assert lines.count(expected.format('the validation labels')) == 1
    train(config, masks, tmp_path / 'run')
    lines = capsys.readouterr().err.splitlines()
    assert lines.count(expected.format('the training labels')) == 1
    words = ['--dataset', 'folder', '--root', str(masks)]
    assert main(['evaluate', str(tmp_path / 'run' / 'trained.pt'), *words]) == 0
    assert expected.format('the labels') in capsys.readouterr().err.splitlines()


def test_remedy_of_masks_is_one(masks, tmp_path, capsys):
    table = 'classes: [{name: a, rgb: [1, 2, 3]}, {name: b, rgb: [3, 2, 1]}]\nsource_ids: [0, 255]'
    (masks / 'classes.yaml').write_text(table)
    train(tiny_config(train={'epochs': 1}), masks, tmp_path / 'run')
    assert 'warning' not in capsys.readouterr().err
    counts = json.loads(RunPaths(tmp_path / 'run').class_counts.read_text())
    assert counts['pixels'] == [[64 * 83, 64 * 13]] * 8


def test_labels_are_read_once_without_their_images(folder_root, tmp_path, monkeypatch):
    dataset, path = open_dataset('folder', folder_root, 'train'), tmp_path / 'counts.json'
    monkeypatch.setattr(base, 'read_image', None)
    data = tiny_config().data
    counts = load_or_count_classes(data, dataset, path)
    counts.save(path, None)
    monkeypatch.setattr(image_files, 'read_ids', None)
    again = load_or_count_classes(data, dataset, path)
    assert again.pixels.tolist() == counts.pixels.tolist()
    assert again.warning() is None


def test_changed_labels_are_counted_again(tmp_path):
    root, path = write_folder(tmp_path / 'set'), tmp_path / 'counts.json'
    dataset, data = open_dataset('folder', root, 'train'), tiny_config().data
    load_or_count_classes(data, dataset, path).save(path, None)
    cv2.imwrite(str(dataset.pairs[0][1]), np.zeros((64, 96), np.uint8))
    assert load_or_count_classes(data, dataset, path).pixels[0].tolist() == [64 * 96, 0, 0]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'pixels': [[1, 2]]}, 'no counts of shape'),
        ({'pixels': [[-1, 0, 0]] * 8}, 'no counts of shape'),
        ({'pixels': [['x', 0, 0]] * 8}, 'the labels are counted again'),
        ({'pixels': [[1], [1, 2]]}, 'the labels are counted again'),
        ({'pixels': 5}, 'pixels is missing or of another type'),
        ({'unlabeled': None}, 'the labels are counted again'),
        ({'share': []}, 'share is missing or of another type'),
    ],
)
def test_damaged_counts_raise_with_the_file(folder_root, tmp_path, change, reason):
    path, data = tmp_path / 'class_counts.json', tiny_config().data
    dataset = open_dataset('folder', folder_root, 'train')
    load_or_count_classes(data, dataset, path).save(path, None)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(SwiftnetError, match=f'cannot read .*class_counts.json: .*{reason}'):
        load_or_count_classes(data, dataset, path)
