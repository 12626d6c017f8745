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

"""A training ends at the first loss or weight that is no number and keeps what was sound."""

from collections.abc import Callable
import json
import math

from helpers.tiny_training import step_losses, tiny_config, write_config
import pytest
from training.__main__ import main
from training.run.checkpoint import load_checkpoint
from training.run.folder import RunPaths
from training.trainer.divergence import DivergedError
from training.trainer.state import TrainState
from training.trainer.train import train


def after(step: int, change: Callable[[TrainState], None]) -> Callable[[TrainState], None]:
    def callback(state: TrainState) -> None:
        if state.step == step:
            change(state)

    return callback


def set_weight(state: TrainState) -> None:
    state.network.head[-1].bias.data[0] = math.nan


def set_running_variance(state: TrainState) -> None:
    # Training uses the statistics of the batch, so that the loss stays finite.
    state.network.head[0].running_var[0] = math.inf


@pytest.mark.parametrize(
    ('step', 'change', 'words'),
    [
        (2, set_weight, 'network.head.2.bias is NaN or infinite after step 2 .epoch 1, learning'),
        (3, set_weight, 'the loss is nan after step 4 '),
        (4, set_running_variance, 'network.head.0.running_var is NaN or infinite after step 4 '),
        (6, set_weight, 'network.head.2.bias is NaN or infinite after step 6 .epoch 3, learning'),
    ],
)
def test_training_ends_in_one_line_and_keeps_the_sound_checkpoint(
    folder_root, tmp_path, step, change, words
):
    config, paths = tiny_config(train={'epochs': 3}), RunPaths(tmp_path / 'run')
    kept = (
        'no checkpoint was written' if step == 2 else f'{paths.last} is sound: take it as --init'
    )
    with pytest.raises(DivergedError, match=f'training diverged: {words}.*{kept}'):
        train(config, folder_root, paths.folder, after_step=[after(step, change)])
    assert not paths.trained.exists()
    assert all(math.isfinite(loss) for loss in step_losses(paths.folder))
    train(config, folder_root, paths.folder)
    assert len(step_losses(paths.folder)) == 6
    assert all(value.isfinite().all() for value in load_checkpoint(paths.trained).weights.values())


def test_command_with_a_learning_rate_far_too_high(capsys, folder_root, tmp_path):
    config = write_config(tmp_path / 'tiny.yaml', optimizer={'lr': 1e30}, train={'epochs': 3})
    words = ['--root', str(folder_root), '--out', str(tmp_path / 'run')]
    assert main(['train', str(config), *words]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if 'diverged' in line]
    assert len(lines) == 1
    assert 'lower optimizer.lr' in lines[0]
    for line in RunPaths(tmp_path / 'run').losses.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize('number', ['.inf', '.nan', '1e999'])
def test_configured_numbers_must_be_finite(capsys, tmp_path, number):
    config = write_config(tmp_path / 'tiny.yaml')
    words = ['--out', str(tmp_path / 'run'), '--set', f'optimizer.weight_decay={number}']
    assert main(['train', str(config), *words]) == 1
    assert 'optimizer.weight_decay' in (text := capsys.readouterr().err)
    assert 'a finite number' in text
