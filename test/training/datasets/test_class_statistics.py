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
"""Class weights and counts against numbers worked out by hand; runs keep what they used."""

from dataclasses import asdict
import json

from helpers.tiny_training import step_losses, tiny_config
import numpy as np
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
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
from training.schema.config import ClassWeightsConfig, config_from_tree, LossConfig, SamplingConfig
from training.trainer.losses import build_loss, LOSSES
from training.trainer.train import train

NAMES = ('road', 'pole', 'never')
# two pictures of 1000 labelled pixels; the pole stands in the second alone
COUNTS = ClassCounts(NAMES, np.array([[1000, 0, 0], [900, 100, 0]]), {})


def relative(scheme, counts=COUNTS, **options):
    """Give the weight of the pole over that of the road."""
    road, pole, _ = class_weights(ClassWeightsConfig(scheme, **options), counts)
    return pole / road


def test_median_frequency_by_hand():
    # the road has 1900 of 2000 pixels, the pole 100 of the 1000 of its one picture
    assert relative('median_frequency', limit=1000) == pytest.approx(0.95 / 0.1, rel=1e-4)


def test_effective_number_by_hand():
    road, pole = 1900 / 256, 1.0
    expected = (1 - 0.9**road) / (1 - 0.9**pole)
    assert relative('effective_number', beta=0.9) == pytest.approx(expected, rel=1e-4)


def test_a_beta_of_zero_makes_all_classes_equal():
    assert relative('effective_number', beta=0.0) == 1


def test_inverse_log_by_hand():
    assert relative('inverse_log') == pytest.approx(np.log(1.97) / np.log(1.07), rel=1e-4)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_the_mean_weight_of_a_pixel_is_one_and_absent_classes_weigh_one(scheme):
    weights = class_weights(ClassWeightsConfig(scheme), COUNTS)
    assert sum(w * share for w, share in zip(weights, COUNTS.fractions(), strict=True)) == (
        pytest.approx(1, abs=1e-5)
    )
    assert weights[1] > weights[0]
    assert weights[2] == 1


def test_no_weight_is_further_from_the_middle_one_than_the_limit():
    counts = ClassCounts(NAMES, np.array([[10**9, 10**3, 1]]), {})
    common, middle, rare = class_weights(ClassWeightsConfig('median_frequency', limit=4), counts)
    assert rare / middle == pytest.approx(4, rel=1e-4)
    assert common / middle == pytest.approx(1 / 4, rel=1e-4)


def test_labels_without_any_class_are_refused():
    counts = ClassCounts(NAMES, np.zeros((2, 3), np.int64), {})
    with pytest.raises(InvalidValueError, match="the training labels is 'all unlabeled'"):
        class_weights(ClassWeightsConfig('inverse_log'), counts)


def test_pixels_are_those_of_the_labels(folder_root):
    dataset = open_dataset('folder', folder_root, 'train')
    counted = count_pixels(dataset)
    for index, row in enumerate(counted):
        label = dataset[index].label
        assert row.tolist() == [int((label == c).sum()) for c in range(3)]


def test_counts_are_needed_by_weights_and_by_sampling_alone():
    equal, even = ClassWeightsConfig(), SamplingConfig()
    assert not needs_counts(equal, even)
    assert needs_counts(equal, SamplingConfig(0.1))
    assert needs_counts(ClassWeightsConfig('inverse_log'), even)
    with pytest.raises(UnknownNameError, match="did you mean 'median_frequency'"):
        needs_counts(ClassWeightsConfig('median_frequencies'), even)


@pytest.mark.parametrize(
    ('section', 'words'),
    [
        ({'class_weights': {'schem': 'x'}}, "did you mean 'scheme'"),
        ({'sampling': {'fractions': 1}}, "did you mean 'fraction'"),
        ({'distillation': {'techer': 'x'}}, "did you mean 'teacher'"),
        ({'augmentation': {'colors': 'x'}}, "did you mean 'color'"),
    ],
)
def test_unknown_keys_name_the_nearest(section, words):
    with pytest.raises(UnknownNameError, match=words):
        config_from_tree({'name': 'x', **section})


@pytest.mark.parametrize(
    ('section', 'key', 'value', 'words'),
    [
        ('class_weights', 'beta', 1.0, 'a number of 0 or more, below 1'),
        ('class_weights', 'limit', 0.5, 'a number of 1 or more'),
        ('sampling', 'fraction', 1.5, 'a fraction of 0 to 1'),
        ('sampling', 'temperature', 0.0, 'a number above 0'),
        ('distillation', 'weight', 0.0, 'a number above 0'),
        ('distillation', 'temperature', -1.0, 'a number above 0'),
    ],
)
def test_impossible_values_are_named(section, key, value, words):
    with pytest.raises(InvalidValueError, match=f'{section}.{key} is {value}, expected {words}'):
        config_from_tree({'name': 'x', section: {key: value}})


@pytest.mark.parametrize('name', LOSSES)
class TestWeightedLosses:
    """What holds for each loss with weights."""

    def pixels(self):
        """Give logits, labels with ignored pixels, and distances."""
        torch.manual_seed(0)
        logits, labels = 3 * torch.randn(2, 3, 8, 12), torch.randint(0, 3, (2, 8, 12))
        labels[0, :2] = 255
        return logits, labels, torch.full((2, 8, 12), 99.0)

    def test_equal_weights_change_nothing(self, name):
        plain, weighted = (
            build_loss(LossConfig(name), weights)(*self.pixels()) for weights in (None, [1.0] * 3)
        )
        torch.testing.assert_close(weighted, plain)

    def test_each_class_counts_by_its_weight(self, name):
        logits, labels, distance = self.pixels()
        loss = build_loss(LossConfig(name), [0.5, 0.0, 3.0])
        plain = build_loss(LossConfig(name))
        expected = 0.0
        for class_id, weight in ((0, 0.5), (2, 3.0)):
            alone = [0.0] * 3
            alone[class_id] = 1.0
            expected += weight * build_loss(LossConfig(name), alone)(logits, labels, distance)[0]
        received, count = loss(logits, labels, distance)
        torch.testing.assert_close(received, expected)
        assert count == plain(logits, labels, distance)[1]


def test_a_loss_without_class_weights_says_so(monkeypatch):
    monkeypatch.setitem(LOSSES, 'plain', lambda logits, labels, edge_distance: None)
    with pytest.raises(InvalidValueError, match='expected none for loss plain'):
        build_loss(LossConfig('plain'), [1.0])


def test_a_run_keeps_its_counts_and_weights_and_reads_them_again(folder_root, tmp_path):
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
