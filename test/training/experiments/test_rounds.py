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

"""The runs of an experiment: finished ones stay, crashed ones resume, changes raise."""

import json

from helpers.tiny_experiment import DENSE, EXPERIMENT, tiny_experiment, tiny_seed_runs
from helpers.tiny_training import final_weights, step_losses, stopped_after, write_folder
import pytest
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from training.__main__ import main
from training.evaluation.complexity import count_complexity
from training.experiments import rounds
from training.experiments.result import weights_sha256
from training.experiments.rounds import VariantMismatchError
from training.experiments.run import finish_run, run_experiment, selected_runs
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.run.folder import read_records
from training.trainer import train as train_module
import yaml

OTHER = {**DENSE, 'train': {**DENSE['train'], 'epochs': 1}}
VARIANTS = {'pruned': {'weights': 'ft', 'pruning': 'all'}}
TRANSFER = {'train': OTHER, 'variants': {'random': None, 'full': 'dense', 'smaller': 'pruned'}}
ITERATIVE = {'iterative': {'weights': 'ft', 'pruning': 'all', 'rounds': 2}}


@pytest.fixture
def stopped(folder_root, tmp_path):
    """Return runs whose iterative variant stopped in the second epoch of its second round."""
    runs = tiny_seed_runs(folder_root, tmp_path / 'runs', variants=ITERATIVE)
    with stopped_after(3, runs.paths('iterative').folder):
        finish_run(runs, 'iterative')
    return runs


def test_stopped_variant_resumes_in_its_round_and_epoch(finished_experiment, stopped):
    paths = stopped.paths('iterative')
    done = [
        paths.pruning_round(1).trained,
        paths.pruning_round(1).history,
        paths.history,
        paths.initial_weights,
    ]
    before = [path.stat().st_mtime_ns for path in done]
    assert not paths.trained.exists()
    assert load_checkpoint(paths.last).progress['step'] == 2
    finish_run(stopped, 'iterative')
    assert [path.stat().st_mtime_ns for path in done] == before
    whole = finished_experiment.paths('iterative')
    losses = step_losses(whole.folder)
    assert step_losses(paths.folder) == pytest.approx(losses, abs=1e-5)
    resumed = final_weights(paths.folder)
    for name, value in final_weights(whole.folder).items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-4, atol=1e-5)
    assert not paths.last.exists()


def test_finished_runs_are_not_repeated(finished_experiment, monkeypatch):
    files = [path for path in finished_experiment.out.rglob('*') if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    monkeypatch.setattr(train_module, 'run_epoch', None)
    monkeypatch.setattr(rounds, 'find_removed', None)
    assert len(list(run_experiment(finished_experiment, ()))) == 1 + len(EXPERIMENT['variants'])
    after = [path for path in finished_experiment.out.rglob('*') if path.is_file()]
    assert {path: path.stat().st_mtime_ns for path in after} == before


def test_dense_run_from_elsewhere_may_have_kept_more_steps(folder_root, tmp_path):
    runs = tiny_seed_runs(folder_root, tmp_path / 'runs', variants={})
    kept = {'train': {**DENSE['train'], 'keep_steps': [0, 1]}}
    elsewhere = tiny_seed_runs(
        folder_root, tmp_path / 'runs', variants={}, dense={**DENSE, **kept}
    )
    finish_run(elsewhere, 'dense')
    losses = runs.paths('dense').losses.stat().st_mtime_ns
    finish_run(runs, 'dense')
    assert runs.paths('dense').losses.stat().st_mtime_ns == losses


def test_results_have_measurements_and_settings(finished_experiment):
    for name in ('dense', 'lth', 'iterative', 'masks', 'narrow'):
        paths = finished_experiment.paths(name)
        result = json.loads(paths.result.read_text())
        trained = load_checkpoint(paths.trained)
        complexity = count_complexity(trained.network(), *result['size'])
        assert (result['params'], result['gmacs']) == (complexity.params, complexity.gmacs)
        measured = read_records(paths.metrics)[-1]
        assert (result['miou'], result['iou']) == (measured['miou'], measured['iou'])
        assert result['miou'] == trained.miou
        assert (result['name'], result['seed'], result['epochs']) == (name, 0, 2)
        assert result['config']['name'] == name
        if name != 'dense':
            assert result['start_sha256'] == weights_sha256(load_checkpoint(paths.initial_weights))


def test_pruned_variants_are_smaller_and_masked_ones_are_not(finished_experiment):
    def figure(name, key):
        return json.loads(finished_experiment.paths(name).result.read_text())[key]

    assert figure('ft', 'params') == figure('ri', 'params') < figure('ft_lrr', 'params')
    assert figure('ft_lrr', 'params') < figure('dense', 'params') == figure('masks', 'params')
    assert figure('masks', 'params_not_zero') < 0.6 * figure('masks', 'params')
    assert figure('ft', 'gmacs') < figure('masks', 'gmacs') == figure('dense', 'gmacs')


def test_other_options_for_a_started_variant_raise(finished_experiment):
    sections = {'variants': {'lth': {**EXPERIMENT['variants']['lth'], 'rewind_to': 2}}}
    changed = tiny_seed_runs(finished_experiment.root, finished_experiment.out, **sections)
    with pytest.raises(
        VariantMismatchError, match='rewind_to 0 and the experiment now has 2; choose an'
    ):
        finish_run(changed, 'lth')


def test_other_training_for_a_finished_variant_raises(finished_experiment):
    longer = {**DENSE, 'train': {**DENSE['train'], 'epochs': 3}}
    changed = tiny_seed_runs(finished_experiment.root, finished_experiment.out, dense=longer)
    with pytest.raises(CheckpointError, match='train.epochs 2 and this one 3; choose another'):
        finish_run(changed, 'lth')


def test_selected_variants_run_in_the_order_of_the_file(finished_experiment):
    experiment = finished_experiment.experiment
    assert selected_runs(experiment, ()) == ['dense', *EXPERIMENT['variants']]
    assert selected_runs(experiment, ['ri', 'ft']) == ['ft', 'ri']
    with pytest.raises(
        UnknownNameError, match="unknown variant 'iterativ'; did you mean 'iterative'"
    ):
        selected_runs(experiment, ['iterativ'])


def test_command_runs_a_variant_with_several_seeds(folder_root, tmp_path, capsys):
    (tmp_path / 'experiment.yaml').write_text(yaml.safe_dump({**EXPERIMENT, 'seeds': [0, 1]}))
    words = ['--root', str(folder_root), '--out', str(tmp_path / 'runs'), '--only', 'ri']
    words += ['--set', 'dense.train.epochs=1']
    assert main(['lottery', str(tmp_path / 'experiment.yaml'), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ['ri_seed0', 'ri_seed1']
    assert [line.split(': ')[0] for line in lines] == [str(tmp_path / 'runs' / n) for n in names]
    assert sorted(p.name for p in (tmp_path / 'runs').iterdir()) == [
        'dense_seed0', 'dense_seed1', *names,
    ]  # fmt: skip
    starts = [final_weights(tmp_path / 'runs' / name)['head.2.weight'] for name in names]
    assert not torch.equal(*starts)


@pytest.fixture(scope='module')
def transfer_runs(tmp_path_factory):
    """Return finished runs: 3 classes in the first dataset, 4 in the second."""
    base = tmp_path_factory.mktemp('transfer')
    root, other = write_folder(base / 'set'), write_folder(base / 'set_other')
    table = yaml.safe_load((other / 'classes.yaml').read_text())
    table['classes'].append({'name': 'more', 'rgb': [1, 2, 3]})
    (other / 'classes.yaml').write_text(yaml.safe_dump(table))
    torch.set_num_threads(1)
    runs = tiny_seed_runs(root, base / 'runs', variants=VARIANTS, transfer=TRANSFER)
    for name in TRANSFER['variants']:
        finish_run(runs, name)
    return runs


@pytest.mark.parametrize(('name', 'source'), [('full', 'dense'), ('smaller', 'pruned')])
def test_everything_but_the_classifier_is_transferred(transfer_runs, name, source):
    start = load_checkpoint(transfer_runs.paths(name).initial_weights)
    before = load_checkpoint(transfer_runs.paths(source).trained)
    changed = [
        key for key, value in before.weights.items() if not torch.equal(value, start.weights[key])
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    assert start.weights['head.2.weight'].shape[0] == 4
    trained = load_checkpoint(transfer_runs.paths(name).trained)
    assert [item.name for item in trained.classes] == ['class0', 'class1', 'class2', 'more']


def test_run_from_random_weights_has_no_source(transfer_runs):
    paths = transfer_runs.paths('random')
    assert not paths.initial_weights.exists()
    result = json.loads(paths.result.read_text())
    assert (result['source'], result['start_sha256']) == (None, None)
    assert list(result['iou']) == ['class0', 'class1', 'class2', 'more']


def test_pruned_network_stays_pruned(transfer_runs):
    params = {
        name: json.loads(transfer_runs.paths(name).result.read_text())['params']
        for name in ('random', 'full', 'smaller')
    }
    assert params['smaller'] < 0.5 * params['full']
    assert params['full'] == params['random']


@pytest.mark.parametrize(
    ('variants', 'words'),
    [
        ({'full': 'dens'}, "unknown value of transfer.variants.full 'dens'; did you mean 'dense'"),
        (
            {'pruned': 'dense'},
            "transfer.variants is 'pruned', expected a name that no variant has",
        ),
    ],
)
def test_sources_and_names_are_checked(variants, words):
    with pytest.raises((UnknownNameError, InvalidValueError), match=words):
        tiny_experiment(variants=VARIANTS, transfer={'train': OTHER, 'variants': variants})


@pytest.mark.parametrize(
    ('section', 'changes', 'words'),
    [
        ('model', {'features': 8}, 'transfer.train.model is .*expected that of dense'),
        ('train', {'amp': 'bf16'}, "transfer.train.train.amp is 'bf16', expected that of dense"),
    ],
)
def test_second_training_must_fit_the_first(section, changes, words):
    train = {**OTHER, section: {**OTHER[section], **changes}}
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(
            variants=VARIANTS, transfer={'train': train, 'variants': {'full': 'dense'}}
        )
