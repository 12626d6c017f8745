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

"""YAML files of experiments: the shipped ones are valid, and mistakes are named."""

from helpers.checkout import ROOT
from helpers.tiny_experiment import EXPERIMENT, tiny_experiment
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from training.datasets import DATASETS
from training.datasets.class_table import shipped_class_table
from training.evaluation.complexity import count_complexity
from training.experiments.experiment import experiment_from_tree, load_experiment
from training.experiments.variant import Variant
from training.models import build_model
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.schema.config import load_config, load_tree, ModelConfig
from training.trainer.lr_schedule import build_lr_schedule
from training.trainer.optimizers import build_optimizer

CONFIGS = ROOT / 'training' / 'configs'
SHIPPED = [path for path in sorted(CONFIGS.rglob('*.yaml')) if 'variants' in load_tree(path)]
RATIOS = {'stem': 0.5, 'stage1': 0.5}


def test_experiments_of_the_reference_work_and_of_this_one_are_shipped():
    names = {f'{path.parent.name}/{path.stem}' for path in SHIPPED}
    rows = {'ade20k_lottery', 'cityscapes_lottery', 'folder_lottery', 'romb_transfer'}
    own = {'camvid/lottery', 'camvid/single_scale', 'camvid/transfer'}
    own |= {
        'camvid/lottery_seeds',
        'street/lottery',
        'warehouse/lottery',
        'warehouse/small_lottery',
    }
    recipes = {name for name in names if name.endswith('_pruned')}
    assert names - recipes == own | {f'seminar/{row}' for row in rows}


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_every_shipped_experiment_is_valid(path):
    experiment = load_experiment(path)
    trainings = [experiment.dense] + ([experiment.transfer.train] if experiment.transfer else [])
    for config in trainings:
        assert config.data.dataset in DATASETS
        with torch.device('meta'):
            network = build_model(config.model, config.model.classes or 8)
        build_lr_schedule(config.optimizer, build_optimizer(config.optimizer, network), 100, 10)
    line = path.read_text().split('python -m training lottery ')[1].split()[0]
    assert line == f'training/configs/{path.parent.name}/{path.name}'


@pytest.mark.parametrize(
    'path', [path for path in SHIPPED if path.stem.endswith('_pruned')], ids=lambda path: path.stem
)
def test_pruned_recipe_distills_from_the_dense_run_of_its_recipe(path):
    experiment = load_experiment(path)
    variants = experiment.variants.values()
    assert 'all' in {item.pruning for item in variants if item.distillation.teacher == 'dense'}
    alone = path.with_name(path.name.replace('_pruned', ''))
    if alone.is_file() and alone.stem != 'small':
        single = load_config(alone)
        for part in ('model', 'data', 'augmentation', 'loss', 'optimizer', 'train'):
            assert getattr(experiment.dense, part) == getattr(single, part)


@pytest.mark.parametrize('ratios', ['all', 'first2'])
def test_narrow_networks_of_camvid_cost_as_much_as_the_pruned_ones(ratios):
    experiment = load_experiment(CONFIGS / 'camvid' / 'lottery.yaml')
    data, dense = experiment.dense.data, experiment.dense.model
    classes = len(shipped_class_table('camvid').classes)
    pruned = build_model(dense, classes)
    prune(pruned, experiment.pruning[ratios])
    narrow = build_model(experiment.variants[f'narrow_{ratios}'].narrow_model(dense), classes)
    gmacs = [
        count_complexity(network, data.height, data.width).gmacs for network in (pruned, narrow)
    ]
    assert gmacs[1] == pytest.approx(gmacs[0], rel=0.02)


def test_dense_run_keeps_the_steps_that_variants_rewind_to():
    assert tiny_experiment().dense.train.keep_steps == [0, 2]
    variants = {'ft': EXPERIMENT['variants']['ft']}
    assert tiny_experiment(variants=variants).dense.train.keep_steps == []


def test_rounds_remove_equal_fractions_and_end_at_the_ratio():
    variant = Variant('ft', pruning='all', rounds=3)
    removed = [variant.ratio_after(0.5, finished) for finished in (1, 2, 3)]
    left = [1 - ratio for ratio in removed]
    assert left[1] / left[0] == pytest.approx(left[0]) == pytest.approx(left[2] / left[1])
    assert removed[2] == 0.5
    options = variant.prune_options(PruneOptions(ratios=RATIOS), 3)
    assert options == PruneOptions(ratios=RATIOS)
    ranked = PruneOptions(ratios='all', global_ratio=0.75)
    assert variant.prune_options(ranked, 3) == ranked
    assert variant.prune_options(ranked, 1).global_ratio == pytest.approx(1 - 0.25 ** (1 / 3))


def test_criterion_of_a_variant_replaces_that_of_its_options():
    variant = tiny_experiment().variants['context_lth']
    assert variant.prune_options(PruneOptions(), 1).criterion == 'context'


def test_narrow_variant_changes_only_widths():
    dense = ModelConfig(encoder='resnet34', pretrained=True)
    model = Variant('narrow', widths=[1, 2, 3, 4, 5]).narrow_model(dense)
    assert model == ModelConfig(encoder='resnet34', widths=[1, 2, 3, 4, 5])
    assert Variant('ft', pruning='all').narrow_model(dense) is None


@pytest.mark.parametrize(
    ('variant', 'error', 'words'),
    [
        ({'weights': 'lht'}, UnknownNameError, "variants.new.weights 'lht'; did you mean 'lth'"),
        ({'weights': 'ft'}, InvalidValueError, 'variants.new.pruning is None, expected either'),
        ({'weights': 'ft', 'pruning': 'al'}, UnknownNameError, "'al'; did you mean 'all'"),
        ({'weights': 'ft', 'masks': 'all'}, UnknownNameError, 'value of variants.new.masks'),
        ({'weights': 'ft', 'pruning': 'all', 'masks': 'half'}, InvalidValueError, 'either'),
        ({'weights': 'ft', 'pruning': 'all', 'rounds': 0}, InvalidValueError, 'at least 1'),
        ({'weights': 'ft', 'pruning': 'all', 'rewind_to': 3}, InvalidValueError, 'for lth only'),
        ({'weights': 'ft', 'pruning': 'all', 'rate_factor': 0}, InvalidValueError, 'above 0'),
        ({'weights': 'ft', 'pruning': 'all', 'criterion': 'l3'}, UnknownNameError, 'l3'),
        ({'weights': 'ft', 'masks': 'half', 'criterion': 'l1'}, InvalidValueError, 'null with'),
        ({'weights': 'narrow'}, InvalidValueError, 'the widths of a narrow variant'),
        ({'weights': 'narrow', 'widths': [1], 'pruning': 'all'}, InvalidValueError, 'neither'),
        (
            {'weights': 'ri', 'pruning': 'all', 'features': 3},
            InvalidValueError,
            'null except for narrow',
        ),
        ({'weights': 'ri', 'prunning': 'all'}, UnknownNameError, "did you mean 'pruning'"),
    ],
)
def test_impossible_variant_raises(variant, error, words):
    with pytest.raises(error, match=words):
        tiny_experiment(variants={'new': variant})


@pytest.mark.parametrize(
    ('sections', 'words'),
    [
        ({'seeds': []}, r'seeds is \[\], expected one or more'),
        ({'calibration_batches': 0}, 'calibration_batches is 0'),
        ({'variants': {'dense': {'weights': 'ft', 'pruning': 'all'}}}, 'names of letters'),
        ({'variants': {'a/b': {'weights': 'ft', 'pruning': 'all'}}}, 'names of letters'),
        ({'pruning': {'all': {'ratio': 1.0}}}, 'would empty the layer'),
        ({'masks': {'half': {'ratio': 1.0}}}, 'is 1.0, expected a fraction'),
        ({'transfer': {'variants': {}}}, 'transfer.train is .missing'),
    ],
)
def test_impossible_experiment_raises(sections, words):
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(**sections)


def test_key_arms_of_earlier_versions_is_read_with_a_warning():
    tree = {key: value for key, value in EXPERIMENT.items() if key != 'variants'}
    with pytest.warns(FutureWarning, match='arms is now called variants'):
        old = experiment_from_tree({**tree, 'arms': EXPERIMENT['variants']})
    assert old == tiny_experiment()
