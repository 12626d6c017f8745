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


"""Whole runs: they learn, write down what happened, and go on where a kill stopped them."""

import os
from pathlib import Path
import signal
import subprocess
import sys

from accelerate.state import AcceleratorState
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    MissingLabelError,
    UnknownNameError,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_training import CLASSES, tiny_config, write_config, write_split
import torch
from training import train as train_room
from training.callbacks import at_end, every_epochs
from training.checkpoint import CheckpointError, load_checkpoint
from training.config import load_config
from training.datasets import open_dataset
from training.evaluate import evaluate, torch_predictor
from training.paths import RunPaths
from training.records import read_records
from training.state import TrainState
from training.train import train

ROOT = Path(__file__).parents[2]
# Train by the command, and die by SIGKILL right after the losses of a step were written.
KILLED_AT = """
import os, signal, sys
from training import callbacks
from training.__main__ import main

write = callbacks.log_losses

def log_losses(paths, board):
    inner = write(paths, board)
    def log(state):
        inner(state)
        if state.step == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
    return log

callbacks.log_losses = log_losses
sys.exit(main(sys.argv[1:]))
"""


def losses(folder: Path) -> list[float]:
    """Read the loss of every step, which must be there once."""
    records = read_records(RunPaths(folder).losses)
    assert [record['step'] for record in records] == list(range(1, len(records) + 1))
    return [record['loss'] for record in records]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Read the finished network's weights."""
    return dict(load_checkpoint(RunPaths(folder).trained).weights)


class TestFinishedRun:
    """What a run that came to its end has left."""

    def test_the_loss_falls_and_the_classes_are_told_apart(self, finished_run):
        falling = losses(finished_run.folder)
        assert len(falling) == 40
        assert sum(falling[-5:]) < 0.4 * sum(falling[:5])
        assert load_checkpoint(finished_run.trained).miou > 0.6

    def test_metrics_are_kept_with_the_iou_of_each_class(self, finished_run):
        records = read_records(finished_run.metrics)
        assert [record['epoch'] for record in records] == [10, 20]
        assert set(records[-1]['iou']) == {item.name for item in CLASSES}
        assert records[-1]['miou'] == load_checkpoint(finished_run.trained).miou
        assert records[-1]['images'] == 3

    def test_the_checkpoint_is_the_network_that_was_measured(self, finished_run, folder_root):
        checkpoint = load_checkpoint(finished_run.trained)
        assert tuple(checkpoint.classes) == CLASSES
        assert (checkpoint.trained_on, checkpoint.progress) == ('folder', {})
        network = checkpoint.network().eval()
        predict = torch_predictor(
            network, checkpoint.height, checkpoint.width, torch.device('cpu')
        )
        result = evaluate(predict, open_dataset('folder', folder_root, 'val'), progress=False)
        assert result['miou'] == checkpoint.miou

    def test_the_configuration_is_kept_as_it_was_used(self, finished_run):
        expected = tiny_config(train={'epochs': 20, 'evaluate_every': 10})
        assert load_config(finished_run.config) == expected

    def test_tensorboard_shows_loss_rate_and_miou(self, finished_run):
        events = EventAccumulator(str(finished_run.tensorboard)).Reload()
        shown = {tag: [event.step for event in events.Scalars(tag)] for tag in TAGS}
        every = list(range(1, 41))
        assert shown == {'loss': every, 'learning_rate': every, 'miou': [20, 40]}

    def test_it_returns_at_once(self, finished_run, monkeypatch):
        monkeypatch.delattr(train_room, 'open_dataset')
        before = finished_run.trained.stat().st_mtime_ns
        assert train(tiny_config(), None, finished_run.folder) == finished_run.trained
        assert finished_run.trained.stat().st_mtime_ns == before

    def test_rates_are_those_of_the_step(self, finished_run):
        rates = [record['lr'] for record in read_records(finished_run.losses)]
        assert rates[0] == 0.01
        assert rates == sorted(rates, reverse=True)


TAGS = ('loss', 'learning_rate', 'miou')


def test_two_runs_of_one_seed_are_the_same_and_other_seeds_differ(folder_root, tmp_path):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        train(tiny_config(train={'seed': seed}), folder_root, tmp_path / name)
    assert losses(tmp_path / 'a') == losses(tmp_path / 'b') != losses(tmp_path / 'c')
    same = weights(tmp_path / 'b')
    assert all(torch.equal(value, same[key]) for key, value in weights(tmp_path / 'a').items())


def test_a_killed_run_goes_on_with_the_same_losses(folder_root, tmp_path):
    sections = {'train': {'epochs': 4}, 'optimizer': {'warmup_epochs': 2.5}}
    path = write_config(tmp_path / 'tiny.yaml', **sections)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train(tiny_config(**sections), folder_root, whole)
    words = ['train', str(path), '--root', str(folder_root), '--out', str(killed)]
    done = subprocess.run(
        [sys.executable, '-c', KILLED_AT.format(step=5), *words],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(losses(killed)) == 5
    assert not RunPaths(killed).trained.exists()
    with RunPaths(killed).losses.open('a') as file:
        file.write('{"step": 6, "epo')
    train(tiny_config(**sections), folder_root, killed)
    assert losses(killed) == pytest.approx(losses(whole), abs=1e-6)
    for key, value in weights(whole).items():
        torch.testing.assert_close(weights(killed)[key], value, rtol=1e-5, atol=1e-6)
    epochs = [record['epoch'] for record in read_records(RunPaths(killed).metrics)]
    assert epochs == [1, 2, 3, 4]


class Stopped(Exception):
    """What a test stops a run with."""


@pytest.fixture
def stopped_run(folder_root, tmp_path, monkeypatch) -> Path:
    """Give the folder of a run that stopped in its third epoch."""

    def stop(state: TrainState) -> None:
        if state.step == 5:
            raise Stopped

    with monkeypatch.context() as patch:
        usual = train_room.default_callbacks
        patch.setattr(train_room, 'default_callbacks', lambda *rest: [*usual(*rest), stop])
        with pytest.raises(Stopped):
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
def test_a_run_does_not_go_on_as_another_one(stopped_run, folder_root, section, key, value, words):
    changes = {'train': {'epochs': 3}}
    changes.setdefault(section, {})[key] = value
    with pytest.raises(CheckpointError, match=f'{words}; choose another --out'):
        train(tiny_config(**changes), folder_root, stopped_run)
    train(tiny_config(train={'epochs': 3, 'evaluate_every': 0}), folder_root, stopped_run)
    assert len(losses(stopped_run)) == 6


def test_a_run_does_not_go_on_with_other_data(stopped_run, folder_root, tmp_path):
    write_split(tmp_path / 'set' / 'train', 12, 64, 96, 0)
    write_split(tmp_path / 'set' / 'val', 1, 64, 96, 0)
    (tmp_path / 'set' / 'classes.yaml').write_text((folder_root / 'classes.yaml').read_text())
    with pytest.raises(CheckpointError, match='its run has 6 steps and this one 9'):
        train(tiny_config(train={'epochs': 3}), tmp_path / 'set', stopped_run)


def test_bfloat16_trains_and_keeps_float32_weights(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 6, 'amp': 'bf16', 'evaluate_every': 0})
    train(config, folder_root, tmp_path)
    falling = losses(tmp_path)
    assert falling[-1] < falling[0]
    AcceleratorState._reset_state(reset_partial_state=True)
    train(tiny_config(train={'epochs': 1, 'evaluate_every': 0}), folder_root, tmp_path / 'exact')
    exact = losses(tmp_path / 'exact')
    assert falling[0] == pytest.approx(exact[0], rel=0.02)
    assert falling[0] != exact[0]
    kinds = {value.dtype for value in weights(tmp_path).values()}
    assert kinds == {torch.float32, torch.int64}


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU is here')
def test_float16_needs_a_gpu(folder_root, tmp_path):
    with pytest.raises(InvalidValueError, match="train.amp is 'fp16', expected none or bf16"):
        train(tiny_config(train={'amp': 'fp16'}), folder_root, tmp_path)


@pytest.mark.parametrize('loss', ['boundary_focal', 'ohem'])
def test_every_loss_trains(folder_root, tmp_path, loss):
    train(tiny_config(loss={'name': loss}, train={'epochs': 6}), folder_root, tmp_path)
    assert sum(losses(tmp_path)[-3:]) < sum(losses(tmp_path)[:3])


def test_the_average_is_the_exponential_one(folder_root, tmp_path, monkeypatch):
    seen: list[dict[str, torch.Tensor]] = []

    def look(state: TrainState) -> None:
        seen.append({key: value.clone() for key, value in state.network.state_dict().items()})

    usual = train_room.default_callbacks
    monkeypatch.setattr(train_room, 'default_callbacks', lambda *rest: [*usual(*rest), look])
    train(tiny_config(train={'epochs': 3, 'ema_decay': 0.7}), folder_root, tmp_path)
    assert len(seen) == 6
    averaged = seen[0]
    for step in seen[1:]:
        averaged = {key: 0.7 * averaged[key] + 0.3 * step[key] for key in averaged}
    for key, value in weights(tmp_path).items():
        if value.is_floating_point():
            torch.testing.assert_close(value, averaged[key], rtol=1e-5, atol=1e-6)


def test_a_missing_validation_label_stops_a_run_before_it_starts(tmp_path):
    write_split(tmp_path / 'train', 4, 64, 96, 0)
    write_split(tmp_path / 'val', 1, 64, 96, 0)
    (tmp_path / 'classes.yaml').write_text('classes: [{name: a, rgb: [1, 2, 3]}]\nsource_ids: [0]')
    next((tmp_path / 'val' / 'labels').iterdir()).unlink()
    with pytest.raises(MissingLabelError):
        train(tiny_config(), tmp_path, tmp_path / 'run')
    assert not RunPaths(tmp_path / 'run').losses.exists()


def test_a_second_stage_starts_from_the_weights_of_the_first(finished_run, folder_root, tmp_path):
    start = finished_run.trained
    train(tiny_config(optimizer={'lr': 1e-9}), folder_root, tmp_path / 'second', start)
    first, second = weights(finished_run.folder), weights(tmp_path / 'second')
    for key, value in first.items():
        if 'running' not in key and value.is_floating_point():
            torch.testing.assert_close(second[key], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'model': {'features': 4}}, 'its network is another one than the configuration'),
        ({'data': {'options': {'classes': 'other.yaml'}}}, 'its classes are not those of folder'),
    ],
)
def test_a_second_stage_needs_the_same_network_and_classes(
    finished_run, folder_root, tmp_path, monkeypatch, change, words
):
    text = (folder_root / 'classes.yaml').read_text().replace('class1', 'other')
    (tmp_path / 'other.yaml').write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=words):
        train(tiny_config(**change), folder_root, tmp_path / 'run', finished_run.trained)


def test_training_alone_may_take_options_of_its_own(folder_root, tmp_path):
    (tmp_path / 'classes.yaml').write_text((folder_root / 'classes.yaml').read_text())
    options = {'train_options': {'classes': str(tmp_path / 'nowhere.yaml')}}
    with pytest.raises(FileMissingError, match='class table not found: .*nowhere.yaml'):
        train(tiny_config(data=options), folder_root, tmp_path / 'run')


def test_classes_have_to_be_those_of_the_data(folder_root, tmp_path):
    with pytest.raises(InvalidValueError, match='model.classes is 5, expected null or 3'):
        train(tiny_config(model={'classes': 5}), folder_root, tmp_path)


def test_an_unknown_precision_proposes_the_nearest(folder_root, tmp_path):
    with pytest.raises(UnknownNameError, match="train.amp 'bf61'; did you mean 'bf16'"):
        train(tiny_config(train={'amp': 'bf61'}), folder_root, tmp_path)


def test_when_callbacks_run():
    calls: list[tuple[str, int]] = []

    class Clock:
        step, steps, steps_per_epoch = 0, 12, 3

    callbacks = [
        every_epochs(2, lambda state: calls.append(('second', state.step))),
        every_epochs(0, lambda state: calls.append(('never', state.step))),
        at_end(lambda state: calls.append(('end', state.step))),
    ]
    for step in range(1, 13):
        Clock.step = step
        for callback in callbacks:
            callback(Clock)
    assert calls == [('second', 6), ('end', 12)]
