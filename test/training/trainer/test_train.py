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

"""Whole runs: they learn, are reproducible, and write their records."""

from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
import cv2
from helpers.tiny_training import (
    CLASSES,
    final_weights,
    step_losses,
    stopped_after,
    tiny_config,
    write_folder,
    write_split,
)
import numpy as np
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    LabelIdError,
    NoImagesError,
    UnknownNameError,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch
from training.datasets import open_dataset
from training.evaluation.evaluate import evaluate, torch_predictor
from training.run.checkpoint import load_checkpoint
from training.run.folder import read_records, RunPaths
from training.schema.config import load_config
from training.trainer import train as train_module
from training.trainer.callbacks import at_end, every_epochs
from training.trainer.initial_weights import initial_network
from training.trainer.train import train


class TestFinishedRun:
    """A run that ended."""

    def test_loss_falls_and_miou_rises(self, finished_run):
        losses = step_losses(finished_run.folder)
        assert len(losses) == 40
        assert sum(losses[-5:]) < 0.4 * sum(losses[:5])
        assert load_checkpoint(finished_run.trained).miou > 0.6

    def test_metrics_have_the_iou_of_each_class(self, finished_run):
        records = read_records(finished_run.metrics)
        assert [record['epoch'] for record in records] == [10, 20]
        assert set(records[-1]['iou']) == {item.name for item in CLASSES}
        assert records[-1]['miou'] == load_checkpoint(finished_run.trained).miou
        assert records[-1]['images'] == 3

    def test_checkpoint_is_the_network_that_was_evaluated(self, finished_run, folder_root):
        checkpoint = load_checkpoint(finished_run.trained)
        assert tuple(checkpoint.classes) == CLASSES
        assert (checkpoint.trained_on, checkpoint.progress) == ('folder', {})
        network = checkpoint.network().eval()
        predict = torch_predictor(
            network, checkpoint.height, checkpoint.width, torch.device('cpu')
        )
        result = evaluate(predict, open_dataset('folder', folder_root, 'val'))
        assert result['miou'] == checkpoint.miou

    def test_configuration_is_stored_as_used(self, finished_run):
        expected = tiny_config(train={'epochs': 20, 'evaluate_every': 10})
        assert load_config(finished_run.config) == expected

    def test_tensorboard_shows_loss_learning_rate_and_miou(self, finished_run):
        events = EventAccumulator(str(finished_run.tensorboard)).Reload()
        tags = ('loss', 'learning_rate', 'miou')
        shown = {tag: [event.step for event in events.Scalars(tag)] for tag in tags}
        every = list(range(1, 41))
        assert shown == {'loss': every, 'learning_rate': every, 'miou': [20, 40]}

    def test_tensorboard_shows_label_renderings(self, finished_run):
        events = EventAccumulator(str(finished_run.tensorboard)).Reload()
        images = events.Images('validation')
        assert [event.step for event in images] == [20, 40]
        sheet = cv2.imdecode(np.frombuffer(images[1].encoded_image_string, np.uint8), 1)
        # Three images with label and prediction, each 240 wide.
        assert sheet.shape[1] == 3 * 240
        assert sheet.shape == (images[1].height, images[1].width, 3)
        label, predicted = sheet[:, 240:480].astype(int), sheet[:, 480:].astype(int)
        assert np.median(np.abs(label - predicted)) < 10
        assert len(images[1].encoded_image_string) < 100_000

    def test_finished_run_is_not_trained_again(self, finished_run, folder_root, monkeypatch):
        monkeypatch.delattr(train_module, 'run_epoch')
        before = finished_run.trained.stat().st_mtime_ns
        config = tiny_config(train={'epochs': 20, 'evaluate_every': 5})
        assert train(config, folder_root, finished_run.folder) == finished_run.trained
        assert finished_run.trained.stat().st_mtime_ns == before

    def test_learning_rates_are_those_of_the_step(self, finished_run):
        rates = [record['lr'] for record in read_records(finished_run.losses)]
        assert rates[0] == 0.01
        assert rates == sorted(rates, reverse=True)


def test_runs_of_one_seed_are_equal_and_other_seeds_differ(folder_root, tmp_path):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        train(tiny_config(train={'seed': seed}), folder_root, tmp_path / name)
    assert (
        step_losses(tmp_path / 'a') == step_losses(tmp_path / 'b') != step_losses(tmp_path / 'c')
    )
    assert equal_weights(*(final_weights(tmp_path / name) for name in ('a', 'b')))


def test_every_epoch_has_other_crops(folder_root, tmp_path):
    still = {'lr': 1e-12, 'lr_min': 0, 'weight_decay': 0}
    train(tiny_config(optimizer=still), folder_root, tmp_path)
    first, second = step_losses(tmp_path)[:2], step_losses(tmp_path)[2:]
    assert sum(first) != pytest.approx(sum(second), rel=1e-4)


def test_bfloat16_keeps_float32_weights(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 6, 'amp': 'bf16', 'evaluate_every': 0})
    train(config, folder_root, tmp_path)
    losses = step_losses(tmp_path)
    assert losses[-1] < losses[0]
    AcceleratorState._reset_state(reset_partial_state=True)
    train(tiny_config(train={'epochs': 1, 'evaluate_every': 0}), folder_root, tmp_path / 'exact')
    exact = step_losses(tmp_path / 'exact')
    assert losses[0] == pytest.approx(exact[0], rel=0.02)
    assert losses[0] != exact[0]
    kinds = {value.dtype for value in final_weights(tmp_path).values()}
    assert kinds == {torch.float32, torch.int64}


def test_float16_needs_a_gpu(folder_root, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(InvalidValueError, match="train.amp is 'fp16', expected none or bf16"):
        train(tiny_config(train={'amp': 'fp16'}), folder_root, tmp_path)


def test_loss_of_edge_distances_trains(folder_root, tmp_path):
    config = tiny_config(loss={'name': 'boundary_focal'}, train={'epochs': 6, 'evaluate_every': 0})
    train(config, folder_root, tmp_path)
    assert sum(step_losses(tmp_path)[-3:]) < sum(step_losses(tmp_path)[:3])


def test_trained_weights_are_the_exponential_moving_average(folder_root, tmp_path, recorded):
    states, record = recorded
    train(
        tiny_config(train={'epochs': 3, 'ema_decay': 0.7}),
        folder_root,
        tmp_path,
        after_step=[record],
    )
    assert list(states) == [1, 2, 3, 4, 5, 6]
    averaged = states[1]
    for step in range(2, 7):
        averaged = {key: 0.7 * averaged[key] + 0.3 * states[step][key] for key in averaged}
    for key, value in final_weights(tmp_path).items():
        if value.is_floating_point():
            torch.testing.assert_close(value, averaged[key], rtol=1e-5, atol=1e-6)


def test_missing_validation_label_raises_before_the_first_step(tmp_path):
    write_split(tmp_path / 'train', 4, 64, 96, 0)
    write_split(tmp_path / 'val', 1, 64, 96, 0)
    (tmp_path / 'classes.yaml').write_text('classes: [{name: a, rgb: [1, 2, 3]}]\nsource_ids: [0]')
    next((tmp_path / 'val' / 'labels').iterdir()).unlink()
    with pytest.raises(NoImagesError):
        train(tiny_config(), tmp_path, tmp_path / 'run')
    assert not RunPaths(tmp_path / 'run').losses.exists()


def test_wrong_validation_label_raises_before_the_first_step(tmp_path):
    root = write_folder(tmp_path / 'data')
    cv2.imwrite(str(root / 'val/labels/002.png'), np.full((64, 96), 3, np.uint8))
    with pytest.raises(LabelIdError, match='val/labels/002.png contains label ids 3'):
        train(tiny_config(), root, tmp_path / 'run')
    assert not (tmp_path / 'run/losses.jsonl').exists()


def test_second_stage_starts_from_the_weights_of_the_first(finished_run, folder_root, tmp_path):
    start = finished_run.trained
    train(tiny_config(optimizer={'lr': 1e-9}), folder_root, tmp_path / 'second', start)
    first, second = final_weights(finished_run.folder), final_weights(tmp_path / 'second')
    for key, value in first.items():
        if 'running' not in key and value.is_floating_point():
            torch.testing.assert_close(second[key], value, rtol=1e-5, atol=1e-6)


def test_train_options_go_to_the_training_split(folder_root, tmp_path):
    (tmp_path / 'classes.yaml').write_text((folder_root / 'classes.yaml').read_text())
    options = {'train_options': {'classes': str(tmp_path / 'nowhere.yaml')}}
    with pytest.raises(FileMissingError, match='class table not found: .*nowhere.yaml'):
        train(tiny_config(data=options), folder_root, tmp_path / 'run')


def test_classes_must_be_those_of_the_data(folder_root, tmp_path):
    with pytest.raises(InvalidValueError, match='model.classes is 5, expected null or 3'):
        train(tiny_config(model={'classes': 5}), folder_root, tmp_path)


def test_unknown_precision_suggests_the_nearest(folder_root, tmp_path):
    with pytest.raises(UnknownNameError, match="train.amp 'bf61'; did you mean 'bf16'"):
        train(tiny_config(train={'amp': 'bf61'}), folder_root, tmp_path)


def test_callbacks_run_every_n_epochs_and_at_the_end():
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


def equal_weights(one, other):
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
        assert equal_weights(dict(load_checkpoint(paths.weights_at(step)).weights), states[step])
    averaged = dict(load_checkpoint(paths.trained).weights)
    assert not equal_weights(averaged, states[6])


def test_iteration_0_has_the_weights_of_the_seed(folder_root, tmp_path):
    config = tiny_config(train={'epochs': 1, 'keep_steps': [0], 'seed': 5})
    train(config, folder_root, tmp_path / 'run')
    kept = dict(load_checkpoint(RunPaths(tmp_path / 'run').weights_at(0)).weights)
    set_seed(5)
    dataset = open_dataset('folder', folder_root, 'train')
    assert equal_weights(kept, initial_network(config.model, dataset.table.classes).state_dict())


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
