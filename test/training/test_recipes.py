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
"""The recipes that need data or a GPU state their command and whether their time is estimated."""

import re

from helpers.checkout import ROOT
import pytest
from training.experiments.experiment import load_experiment
from training.schema.config import config_from_tree, load_tree

CONFIGS = ROOT / 'training' / 'configs'
# Recipes that were run here; all others must state that their time is an estimate.
RUN_HERE = (
    'camvid/lottery',
    'camvid/lottery_seeds',
    'camvid/shipped',
    'camvid/shipped_480x360',
    'camvid/shipped_640x480',
    'camvid/shipped_light',
    'camvid/single_scale',
    'camvid/small',
    'camvid/small_2_dense',
    'camvid/small_3_pruned',
    'camvid/small_4_mixed',
    'camvid/transfer',
)
# Recipes of full networks from random weights, run on a GPU.
NETWORKS = [f'{v}_resnet{n}' for v in ('pyramid', 'single_scale') for n in (18, 34)]
RUN_ON_A_GPU = [f'camvid/{name}{kind}' for name in NETWORKS for kind in ('', '_pruned')]
ESTIMATE = r'Estimate, not run here: [\d.]+ h '
FOLDERS = ('ade20k', 'camvid', 'cityscapes', 'folder')


def name_of(path):
    return f'{path.parent.name}/{path.stem}'


RECIPES = [
    path
    for folder in FOLDERS
    for path in sorted((CONFIGS / folder).glob('*.yaml'))
    if name_of(path) not in RUN_HERE
]
EXPERIMENTS = [path for path in RECIPES if 'variants' in load_tree(path)]


def training_of(path):
    """Return the training configuration of a recipe, of an experiment the dense one."""
    tree = load_tree(path)
    return load_experiment(path).dense if 'variants' in tree else config_from_tree(tree)


@pytest.mark.parametrize('path', RECIPES, ids=name_of)
def test_recipe_states_its_command_and_time(path):
    comments = ''.join(
        line.lstrip('# ') for line in path.read_text().splitlines(True) if line[0] == '#'
    )
    command = re.search(r'python -m training (\w+) (\S+) --root (\w+) \\\n--out (\S+)', comments)
    kind = 'lottery' if path in EXPERIMENTS else 'train'
    assert command.groups()[:2] == (kind, str(path.relative_to(ROOT)))
    assert command[4] == f'runs/{path.parent.name}_{path.stem}'
    time = r'Run (on one H200|as the dense run)' if name_of(path) in RUN_ON_A_GPU else ESTIMATE
    assert re.search(time, comments)
    assert load_tree(path)['name'] == f'{path.parent.name}_{path.stem}'
    assert training_of(path).data.dataset == path.parent.name


@pytest.mark.parametrize('path', RECIPES, ids=name_of)
def test_recipe_is_named_after_its_network(path):
    model = training_of(path).model
    if path.stem.startswith('small'):
        assert model.widths == [32, 32, 64, 128, 256]
    else:
        assert path.stem.startswith(f'{model.variant}_{model.encoder}')
        assert model.widths is None
    imagenet = 'imagenet' in path.stem or path.parent.name in ('ade20k', 'cityscapes')
    assert model.pretrained == imagenet


def test_batches_can_be_split_among_four_processes():
    assert not [path for path in RECIPES if training_of(path).train.batch_size % 4]


@pytest.mark.parametrize('path', EXPERIMENTS, ids=name_of)
def test_experiment_has_a_distilled_variant_and_the_dense_run_of_its_recipe(path):
    experiment = load_experiment(path)
    distilled = [
        variant
        for variant in experiment.variants.values()
        if variant.distillation.teacher == 'dense'
    ]
    assert {variant.pruning for variant in distilled} >= {'all'}
    alone = path.with_name(path.name.replace('_pruned', ''))
    if alone in RECIPES:
        single = config_from_tree(load_tree(alone))
        for part in ('model', 'data', 'augmentation', 'loss', 'optimizer', 'train'):
            assert getattr(experiment.dense, part) == getattr(single, part)


def test_every_network_and_initialization_has_a_recipe():
    names = {name_of(path) for path in RECIPES}
    wanted = {f'camvid/{name}{start}' for name in NETWORKS for start in ('', '_imagenet')}
    wanted |= {f'cityscapes/{name}' for name in NETWORKS} | {'ade20k/pyramid_resnet18'}
    assert wanted <= names


def test_small_data_sets_favor_rare_classes():
    for path in RECIPES:
        config = training_of(path)
        small = config.data.dataset in ('camvid', 'folder')
        weighted = config.class_weights.scheme == 'effective_number'
        assert (weighted or config.loss.lovasz > 0) == small
        assert (config.sampling.fraction > 0) == weighted
