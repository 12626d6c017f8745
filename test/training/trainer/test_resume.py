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

"""Killed runs resume with the same losses, and never with another configuration."""

import errno
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.tiny_training import (
    final_weights,
    step_losses,
    stopped_after,
    tiny_config,
    training_that,
    write_config,
)
import numpy as np
import pytest
import torch
from training.__main__ import main
from training.run.checkpoint import CheckpointError, load_checkpoint
from training.run.folder import read_records, RunPaths
from training.schema.config import load_config
from training.trainer.train import train

# A run on the data of `folder_root`, killed after 3 of its 4 steps; `losses_uninterrupted.jsonl`
# is of the same run without the kill, `logits.npy` of the network in `last.pt`.
OLD_RUN = ROOT / 'test' / 'data' / 'previous_version_run'

# Kills the process right after the losses of a step were written.
KILLED_AT = 'if state.step == {step}: os.kill(os.getpid(), signal.SIGKILL)'


def test_killed_run_resumes_with_the_same_losses(folder_root, tmp_path):
    sections = {'train': {'epochs': 4}, 'optimizer': {'warmup_epochs': 2.5}}
    path = write_config(tmp_path / 'tiny.yaml', **sections)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train(tiny_config(**sections), folder_root, whole)
    words = ['train', str(path), '--root', str(folder_root), '--out', str(killed)]
    done = subprocess.run(
        [sys.executable, '-c', training_that(KILLED_AT.format(step=5)), *words],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(step_losses(killed)) == 5
    assert not RunPaths(killed).trained.exists()
    with RunPaths(killed).losses.open('a') as file:
        file.write('{"step": 6, "epo')
    train(tiny_config(**sections), folder_root, killed)
    assert step_losses(killed) == pytest.approx(step_losses(whole), abs=1e-6)
    for key, value in final_weights(whole).items():
        torch.testing.assert_close(final_weights(killed)[key], value, rtol=1e-5, atol=1e-6)
    epochs = [record['epoch'] for record in read_records(RunPaths(killed).metrics)]
    assert epochs == [1, 2, 3, 4]


@pytest.mark.parametrize('full', ['losses.jsonl', 'metrics.jsonl', 'events', 'last.pt'])
def test_run_on_a_disk_that_fills_resumes_with_each_step_once(
    folder_root, tmp_path, monkeypatch, capsys, full
):
    run, config = RunPaths(tmp_path / 'run'), write_config(tmp_path / 'tiny.yaml')
    words = ['train', str(config), '--root', str(folder_root), '--out', str(run.folder)]
    real, writes = os.write, []

    def fill(handle, content):
        if Path(os.readlink(f'/proc/self/fd/{handle}')).name.startswith(full):
            writes.append(handle)
            if len(writes) > (full != 'last.pt'):
                real(handle, content[:5])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'write', fill)
        assert main(words) == 1
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith(f'error: No space left on device: {run.folder}')
    assert full in last_line
    assert main(words) == 0
    steps = [record['step'] for record in read_records(run.losses)]
    epochs = [record['epoch'] for record in read_records(run.metrics)]
    assert (steps, epochs) == ([1, 2, 3, 4], [1, 2])
    assert not list(run.folder.rglob('*.partial'))


@pytest.fixture
def stopped_run(folder_root, tmp_path) -> Path:
    """Return the folder of a run that stopped in its third epoch."""
    with stopped_after(5):
        train(tiny_config(train={'epochs': 3}), folder_root, tmp_path / 'run')
    return tmp_path / 'run'


@pytest.mark.parametrize(
    ('section', 'key', 'value', 'words'),
    [
        ('train', 'epochs', 4, 'its run has train.epochs 3 and this one 4'),
        ('optimizer', 'lr', 0.5, 'its run has optimizer.lr 0.01 and this one 0.5'),
        ('model', 'features', 4, 'its run has model.features 8 and this one 4'),
    ],
)
def test_run_does_not_resume_with_another_configuration(
    stopped_run, folder_root, section, key, value, words
):
    changes = {'train': {'epochs': 3}}
    changes.setdefault(section, {})[key] = value
    with pytest.raises(CheckpointError, match=f'{words}; choose another --out'):
        train(tiny_config(**changes), folder_root, stopped_run)
    train(tiny_config(train={'epochs': 3, 'evaluate_every': 0}), folder_root, stopped_run)
    assert len(step_losses(stopped_run)) == 6


def test_old_checkpoint_has_the_same_logits():
    network = load_checkpoint(OLD_RUN / 'last.pt').network().eval()
    image = torch.randint(0, 256, (1, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = network(image).numpy()
    np.testing.assert_allclose(logits, np.load(OLD_RUN / 'logits.npy'), rtol=1e-4, atol=1e-4)


def test_old_configuration_is_read_with_warnings():
    with pytest.warns(FutureWarning) as warnings:
        config = load_config(OLD_RUN / 'config.yaml')
    augmentation = config.augmentation
    assert (augmentation.color, augmentation.grayscale, augmentation.class_mix) == (
        'linear', 0.3, 0.5,
    )  # fmt: skip
    assert config.sampling.fraction == 0.5
    assert {str(warning.message).split()[0] for warning in warnings} == {
        'augmentation.colour',
        'augmentation.grey',
        'augmentation.mix',
        'sampling.share',
    }


@pytest.mark.filterwarnings('ignore::FutureWarning')
def test_old_run_resumes_with_the_same_crops(folder_root, tmp_path):
    run = tmp_path / 'run'
    shutil.copytree(OLD_RUN, run)
    train(load_config(OLD_RUN / 'config.yaml'), folder_root, run)
    lines = (OLD_RUN / 'losses_uninterrupted.jsonl').read_text().splitlines()
    expected = [json.loads(line)['loss'] for line in lines]
    losses = step_losses(run)
    assert losses[:3] == pytest.approx(expected[:3], abs=1e-3)
    # After an update by Adam, other roundings of the same gradient are seen in the loss.
    assert losses[3:] == pytest.approx(expected[3:], abs=0.05)
    assert load_checkpoint(RunPaths(run).trained).miou is not None
    counts = json.loads(RunPaths(run).class_counts.read_text())
    before = json.loads((OLD_RUN / 'class_counts.json').read_text())
    assert {key: counts[key] for key in ('share', 'weight', 'pixels')} == {
        key: before[key] for key in ('share', 'weight', 'pixels')
    }
