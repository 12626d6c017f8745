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


"""A run stores the weights of the iterations in train.keep_steps, not averaged."""

from accelerate.utils import set_seed
from helpers.stopped_run import stopped_after
from helpers.tiny_training import tiny_config
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
from training.datasets import open_dataset
from training.run.checkpoint import load_checkpoint
from training.run.folder import RunPaths
from training.trainer.initial_weights import initial_network
from training.trainer.train import train


def _equal(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def recorded():
    """Return a dictionary of the weights of every step, and the callback that fills it."""
    states = {}

    def record(state):
        weights = state.network.state_dict()
        states[state.step] = {name: value.clone() for name, value in weights.items()}

    return states, record


def test_weights_of_the_configured_iterations_are_kept(folder_root, tmp_path, recorded):
    states, record = recorded
    config = tiny_config(train={'epochs': 3, 'keep_steps': [0, 3, 6]})
    train(config, folder_root, tmp_path / 'run', after_step=[record])
    paths = RunPaths(tmp_path / 'run')
    names = sorted(path.name for path in paths.folder.glob('step_*'))
    assert names == ['step_000000.pt', 'step_000003.pt', 'step_000006.pt']
    for step in (3, 6):
        assert _equal(dict(load_checkpoint(paths.weights_at(step)).weights), states[step])
    averaged = dict(load_checkpoint(paths.trained).weights)
    assert not _equal(averaged, states[6])


def test_iteration_0_has_the_weights_of_the_seed(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 1, 'keep_steps': [0], 'seed': 5})
    train(config, folder_root, tmp_path / 'run')
    kept = dict(load_checkpoint(RunPaths(tmp_path / 'run').weights_at(0)).weights)
    set_seed(5)
    dataset = open_dataset('folder', folder_root, 'train')
    assert _equal(kept, initial_network(config.model, dataset.table.classes).state_dict())


def test_resumed_run_keeps_the_same_weights(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 3, 'keep_steps': [0, 5]})

    train(config, folder_root, tmp_path / 'whole')
    with stopped_after(3):
        train(config, folder_root, tmp_path / 'stopped')
    whole, stopped = RunPaths(tmp_path / 'whole'), RunPaths(tmp_path / 'stopped')
    first = stopped.weights_at(0).stat().st_mtime_ns
    assert not stopped.weights_at(5).exists()
    train(config, folder_root, tmp_path / 'stopped')
    assert stopped.weights_at(0).stat().st_mtime_ns == first
    expected = load_checkpoint(whole.weights_at(5)).weights
    for name, value in load_checkpoint(stopped.weights_at(5)).weights.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_negative_iteration_raises():
    with pytest.raises(InvalidValueError, match=r'train.keep_steps is \[-1\], expected numbers'):
        tiny_config(train={'keep_steps': [-1]})
