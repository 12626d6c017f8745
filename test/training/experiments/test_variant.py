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

"""Every variant starts from exactly the weights that it claims."""

from dataclasses import replace

from helpers.tiny_experiment import DENSE, tiny_seed_runs
from helpers.tiny_training import tiny_checkpoint
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import SemanticClass
import torch
from training.experiments.removed import RemovedChannels
from training.experiments.result import weights_sha256
from training.experiments.weight_init import WEIGHT_INITS, WeightSources, with_new_classifier
from training.pruning.history import load_history
from training.pruning.masks import load_masks
from training.run.checkpoint import load_checkpoint
from training.run.folder import read_records
from training.schema.config import load_config, ModelConfig

DENSE_STEPS = 4


def kept_channels(history, layer, side, channels):
    """Return the channels left on one side of a layer, by hand."""
    left = list(range(channels))
    for removal in history.removals:
        if (removal.layer, removal.side) == (layer, side):
            assert removal.channels == len(left)
            left = [c for i, c in enumerate(left) if i not in removal.indices]
    return left


def pruned_by_hand(weights, history):
    """Return the weights that a history leaves of the dense network, by plain indexing."""
    result = {}
    for name, value in weights.items():
        layer = name.rpartition('.')[0]
        if value.dim():
            value = value[kept_channels(history, layer, 'out', value.shape[0])]
        if value.dim() == 4:
            value = value[:, kept_channels(history, layer, 'in', value.shape[1])]
        result[name] = value
    return result


def are_equal(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(value, other[name]) for name, value in one.items())


def initial_weights(runs, name):
    return dict(load_checkpoint(runs.paths(name).initial_weights).weights)


def dense_weights(runs, step=None):
    paths = runs.paths('dense')
    return dict(load_checkpoint(paths.trained if step is None else paths.weights_at(step)).weights)


@pytest.mark.parametrize(
    ('name', 'step'),
    [
        ('ft', None),
        ('ft_lrr', None),
        ('lth', 0),
        ('lth_k', 2),
        ('context_lth', 0),
        ('iterative_lth', 2),
    ],
)
def test_kept_channels_have_the_weights_of_the_dense_network(finished_experiment, name, step):
    history = load_history(finished_experiment.paths(name).history)
    sources = {at: dense_weights(finished_experiment, at) for at in (None, 0, 2)}
    start = initial_weights(finished_experiment, name)
    assert history.removals
    for at, weights in sources.items():
        assert are_equal(start, pruned_by_hand(weights, history)) == (at == step)


def test_second_round_of_fine_tuning_starts_from_the_first_rounds_result(finished_experiment):
    paths = finished_experiment.paths('iterative')
    first, both = (load_history(p.history) for p in (paths.pruning_round(1), paths))
    earlier = len(first.removals)
    assert both.removals[:earlier] == first.removals
    newest = replace(both, removals=both.removals[earlier:])
    trained = dict(load_checkpoint(paths.pruning_round(1).trained).weights)
    assert newest.removals
    assert are_equal(
        initial_weights(finished_experiment, 'iterative'), pruned_by_hand(trained, newest)
    )


def test_rounds_end_at_the_widths_of_one_shot(finished_experiment):
    shapes = [
        {
            name: value.shape
            for name, value in initial_weights(finished_experiment, variant).items()
        }
        for variant in ('ft', 'iterative', 'iterative_lth', 'ri')
    ]
    assert all(other == shapes[0] for other in shapes)


def test_random_weights_of_the_pruned_shape_are_new(finished_experiment):
    start, history = (
        initial_weights(finished_experiment, 'ri'),
        load_history(finished_experiment.paths('ri').history),
    )
    dense = [pruned_by_hand(dense_weights(finished_experiment, at), history) for at in (None, 0)]
    for name, value in start.items():
        if value.dim() == 4:
            # The dense run of the same seed started with other numbers.
            assert all(not torch.isclose(value, other[name]).any() for other in dense), name
            spread = (2 / (value.shape[0] * value[0, 0].numel())) ** 0.5
            assert value.std().item() == pytest.approx(spread, rel=0.25), name
        elif name.endswith(('running_mean', 'num_batches_tracked')) or name == 'head.2.bias':
            assert not value.any(), name
        else:
            assert (value == 1).all() or name.endswith('.bias'), name


def test_narrow_network_has_its_own_widths(finished_experiment):
    paths = finished_experiment.paths('narrow')
    start = load_checkpoint(paths.initial_weights)
    assert (start.model.widths, start.model.features) == ([8, 8, 8, 12, 16], 12)
    assert start.weights['encoder.stages.3.1.conv2.weight'].shape == (16, 16, 3, 3)
    assert not paths.history.exists()
    assert load_config(paths.config).model == start.model


@pytest.mark.parametrize('name', ['masks', 'masks_ri'])
def test_masked_weights_stay_zero_in_training_and_average(finished_experiment, name):
    paths = finished_experiment.paths(name)
    masks = load_masks(paths.masks)
    start, trained = (
        initial_weights(finished_experiment, name),
        load_checkpoint(paths.trained).weights,
    )
    total = sum(mask.numel() for mask in masks.values())
    assert sum(int(mask.sum()) for mask in masks.values()) == total - round(total / 2)
    for layer, mask in masks.items():
        for weights in (start, trained):
            assert not weights[layer][~mask].any()
        assert not torch.equal(start[layer], trained[layer])
    if name == 'masks':
        initial = dense_weights(finished_experiment, 0)
        for layer, value in initial.items():
            expected = value * masks[layer] if layer in masks else value
            assert torch.equal(start[layer], expected)


def test_masks_of_later_rounds_are_nested(finished_experiment):
    paths = finished_experiment.paths('masks')
    first, second = load_masks(paths.pruning_round(1).masks), load_masks(paths.masks)
    assert all(not (second[name] & ~mask).any() for name, mask in first.items())
    fractions = [
        sum(int(mask.sum()) for mask in masks.values())
        / sum(mask.numel() for mask in masks.values())
        for masks in (first, second)
    ]
    assert fractions == pytest.approx([0.5**0.5, 0.5], abs=1e-3)


def test_all_variants_train_as_long_on_the_same_crops(finished_experiment):
    runs = [
        finished_experiment.paths(name)
        for name in ('dense', *finished_experiment.experiment.variants)
    ]
    configs = [load_config(paths.config) for paths in runs]
    for paths, config in zip(runs, configs, strict=True):
        assert (config.data, config.augmentation) == (configs[0].data, configs[0].augmentation)
        same_train = replace(config.train, keep_steps=configs[0].train.keep_steps)
        assert same_train == configs[0].train
        assert len(read_records(paths.losses)) == DENSE_STEPS


def test_only_fine_tuning_has_a_smaller_learning_rate(finished_experiment):
    peaks = {
        name: load_config(finished_experiment.paths(name).config).optimizer.lr
        for name in finished_experiment.experiment.variants
    }
    assert {name for name, lr in peaks.items() if lr == pytest.approx(1e-3)} == {'ft', 'iterative'}
    assert {lr for name, lr in peaks.items() if name not in ('ft', 'iterative')} == {0.01}


def test_random_weights_train_whole_at_full_rate_and_only_fine_tuning_has_no_warmup(tmp_path):
    dense = {
        **DENSE,
        'optimizer': {'encoder_factor': 0.25, 'warmup_epochs': 1},
        'train': {**DENSE['train'], 'frozen_stages': 1},
    }
    runs = tiny_seed_runs(tmp_path, tmp_path, dense=dense)
    configs = {
        name: runs.variant_config(name, runs.dense_config().model)
        for name in runs.experiment.variants
    }
    random = {'ri', 'masks_ri', 'narrow'}
    assert {name for name, c in configs.items() if c.optimizer.encoder_factor == 1} == random
    assert {name for name, c in configs.items() if c.train.frozen_stages == 0} == random
    without_warmup = {name for name, c in configs.items() if not c.optimizer.warmup_epochs}
    assert without_warmup == {'ft', 'iterative'}


@pytest.mark.parametrize('variant', ['pyramid', 'single_scale'])
def test_transfer_replaces_only_the_classifier(variant):
    source = tiny_checkpoint(ModelConfig(variant=variant, widths=[4, 4, 4, 6, 8], features=8))
    classes = [SemanticClass(f'other{i}', (i, i, i)) for i in range(5)]
    target = replace(source, classes=classes, trained_on='other')
    start = with_new_classifier(source, target, 0)
    before = source.weights.items()
    changed = [name for name, value in before if not torch.equal(value, start.weights[name])]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert start.network().eval()(torch.zeros(1, 3, 64, 96)).shape[1] == len(start.classes) == 5
    other = with_new_classifier(source, target, 1).weights['head.2.weight']
    assert not torch.isclose(start.weights['head.2.weight'], other).any()


@pytest.mark.parametrize('name', ['ri', 'narrow'])
def test_random_weights_depend_only_on_the_seed(name):
    sources = WeightSources(
        trained=tiny_checkpoint(),
        kept={},
        newest=RemovedChannels(),
        total=RemovedChannels(),
        seed=3,
        narrow=ModelConfig(widths=[4, 4, 4, 4, 4], features=4),
    )
    first = WEIGHT_INITS[name](sources)
    torch.rand(7)
    assert weights_sha256(WEIGHT_INITS[name](sources)) == weights_sha256(first)
    assert weights_sha256(WEIGHT_INITS[name](replace(sources, seed=4))) != weights_sha256(first)


def test_rewinding_to_an_iteration_that_was_not_kept_raises():
    kept_one = tiny_checkpoint()
    sources = WeightSources(
        kept_one, {0: kept_one}, RemovedChannels(), RemovedChannels(), 0, rewind_to=7
    )
    with pytest.raises(InvalidValueError, match=r'rewind_to is 7, expected .* kept, \[0\]'):
        WEIGHT_INITS['lth'](sources)
