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


"""Files of families: the shipped ones fit what they name, and mistakes are named."""

from helpers.checkout import ROOT
from helpers.tiny_experiment import EXPERIMENT, tiny_experiment
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from training.datasets import DATASETS
from training.datasets.class_table import shipped_class_table
from training.evaluation.complexity import count_complexity
from training.experiments.experiment import load_experiment
from training.experiments.variant import Variant
from training.models import build_model
from training.pruning.options import PruneOptions
from training.pruning.structured import prune
from training.schema.config import load_tree, ModelConfig
from training.trainer.lr_schedule import build_lr_schedule
from training.trainer.optimizers import build_optimizer

CONFIGS = ROOT / 'training' / 'configs'
SHIPPED = [path for path in sorted(CONFIGS.rglob('*.yaml')) if 'arms' in load_tree(path)]
PART = {'stem': 0.5, 'stage1': 0.5}


def test_the_seminars_rows_and_those_that_run_here_are_there():
    names = {f'{path.parent.name}/{path.stem}' for path in SHIPPED}
    rows = {'ade20k_lottery', 'cityscapes_lottery', 'folder_lottery', 'romb_transfer'}
    here = {'camvid/lottery', 'camvid/single_scale', 'camvid/transfer'}
    here |= {'camvid/lottery_seeds', 'warehouse/lottery', 'warehouse/small_lottery'}
    recipes = {name for name in names if name.endswith('_pruned')}
    assert names - recipes == here | {f'seminar/{row}' for row in rows}


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_every_shipped_family_is_read_strictly_and_can_be_trained(path):
    family = load_experiment(path)
    trainings = [family.dense] + ([family.transfer.train] if family.transfer else [])
    for config in trainings:
        assert config.data.dataset in DATASETS
        with torch.device('meta'):
            network = build_model(config.model, config.model.classes or 8)
        build_lr_schedule(config.optimizer, build_optimizer(config.optimizer, network), 100, 10)
    line = path.read_text().split('python -m training lottery ')[1].split()[0]
    assert line == f'training/configs/{path.parent.name}/{path.name}'


@pytest.mark.parametrize('parts', ['all', 'first2'])
def test_the_narrow_networks_of_camvid_cost_what_the_pruned_ones_cost(parts):
    family = load_experiment(CONFIGS / 'camvid' / 'lottery.yaml')
    data, dense = family.dense.data, family.dense.model
    classes = len(shipped_class_table('camvid').classes)
    pruned = build_model(dense, classes)
    prune(pruned, family.pruning[parts])
    narrow = build_model(family.arms[f'narrow_{parts}'].narrow_model(dense), classes)
    sizes = [
        count_complexity(network, data.height, data.width).gmacs for network in (pruned, narrow)
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)


def test_the_dense_run_keeps_what_the_arms_rewind_to():
    assert tiny_experiment().dense.train.keep_steps == [0, 2]
    arms = {'ft': EXPERIMENT['arms']['ft']}
    assert tiny_experiment(arms=arms).dense.train.keep_steps == []


def test_rounds_remove_the_same_share_and_end_at_the_ratio():
    arm = Variant('ft', pruning='all', rounds=3)
    shares = [arm.share(0.5, finished) for finished in (1, 2, 3)]
    left = [1 - share for share in shares]
    assert left[1] / left[0] == pytest.approx(left[0]) == pytest.approx(left[2] / left[1])
    assert shares[2] == 0.5
    options = arm.prune_options(PruneOptions(ratios=PART), 3)
    assert options == PruneOptions(ratios=PART)
    ranked = PruneOptions(ratios='all', global_ratio=0.75)
    assert arm.prune_options(ranked, 3) == ranked
    assert arm.prune_options(ranked, 1).global_ratio == pytest.approx(1 - 0.25 ** (1 / 3))


def test_an_arms_criterion_takes_the_place_of_its_entrys():
    arm = tiny_experiment().arms['context_lth']
    assert arm.prune_options(PruneOptions(), 1).criterion == 'context'


def test_a_narrow_arm_changes_widths_alone():
    dense = ModelConfig(encoder='resnet34', pretrained=True)
    model = Variant('narrow', widths=[1, 2, 3, 4, 5]).narrow_model(dense)
    assert model == ModelConfig(encoder='resnet34', widths=[1, 2, 3, 4, 5])
    assert Variant('ft', pruning='all').narrow_model(dense) is None


@pytest.mark.parametrize(
    ('arm', 'error', 'words'),
    [
        ({'weights': 'lht'}, UnknownNameError, "arms.new.weights 'lht'; did you mean 'lth'"),
        ({'weights': 'ft'}, InvalidValueError, 'arms.new.pruning is None, expected either'),
        ({'weights': 'ft', 'pruning': 'al'}, UnknownNameError, "'al'; did you mean 'all'"),
        ({'weights': 'ft', 'masks': 'all'}, UnknownNameError, 'value of arms.new.masks'),
        ({'weights': 'ft', 'pruning': 'all', 'masks': 'half'}, InvalidValueError, 'either'),
        ({'weights': 'ft', 'pruning': 'all', 'rounds': 0}, InvalidValueError, '1 or more'),
        ({'weights': 'ft', 'pruning': 'all', 'rewind_to': 3}, InvalidValueError, 'for lth alone'),
        ({'weights': 'ft', 'pruning': 'all', 'rate_factor': 0}, InvalidValueError, 'above 0'),
        ({'weights': 'ft', 'pruning': 'all', 'criterion': 'l3'}, UnknownNameError, 'l3'),
        ({'weights': 'ft', 'masks': 'half', 'criterion': 'l1'}, InvalidValueError, 'null with'),
        ({'weights': 'narrow'}, InvalidValueError, 'the widths of a narrow arm'),
        ({'weights': 'narrow', 'widths': [1], 'pruning': 'all'}, InvalidValueError, 'neither'),
        ({'weights': 'ri', 'pruning': 'all', 'features': 3}, InvalidValueError, 'but for narrow'),
        ({'weights': 'ri', 'prunning': 'all'}, UnknownNameError, "did you mean 'pruning'"),
    ],
)
def test_an_impossible_arm_is_named(arm, error, words):
    with pytest.raises(error, match=words):
        tiny_experiment(arms={'new': arm})


@pytest.mark.parametrize(
    ('sections', 'words'),
    [
        ({'seeds': []}, r'seeds is \[\], expected one or more'),
        ({'calibration_batches': 0}, 'calibration_batches is 0'),
        ({'arms': {'dense': {'weights': 'ft', 'pruning': 'all'}}}, 'names of letters'),
        ({'arms': {'a/b': {'weights': 'ft', 'pruning': 'all'}}}, 'names of letters'),
        ({'pruning': {'all': {'ratio': 1.0}}}, 'would empty the layer'),
        ({'masks': {'half': {'ratio': 1.0}}}, 'is 1.0, expected a fraction'),
        ({'transfer': {'arms': {}}}, 'transfer.train is .missing'),
    ],
)
def test_an_impossible_family_is_named(sections, words):
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(**sections)
