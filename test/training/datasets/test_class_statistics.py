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

from helpers.tiny_training import step_losses, tiny_config
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from training.datasets import open_dataset
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
        assert row.tolist() == [int((label == c).sum()) for c in range(3)]


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
    assert kept['pixels'] == count_pixels(dataset).tolist()
    assert kept['weight']['class1'] > kept['weight']['class0']
    assert kept['source']['pictures'] == 8
    kept['pixels'][0][0] = 7
    path.write_text(json.dumps(kept))
    assert load_or_count_classes(config.data, dataset, path).pixels[0, 0] == 7
    kept['source']['split'] = 'val'
    path.write_text(json.dumps(kept))
    assert load_or_count_classes(config.data, dataset, path).pixels[0, 0] != 7
    assert sum(step_losses(tmp_path)[-2:]) < sum(step_losses(tmp_path)[:2])
