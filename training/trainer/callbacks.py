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

"""Callbacks after each training step: averaging, logging, evaluation, checkpoints."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from swiftnet_ros.core.labels import palette, Pixels
from swiftnet_ros.system.progress import open_bar, print_above
from torch import nn
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import UNLABELED
from training.evaluation.evaluate import evaluate, Predictor, torch_predictor
from training.evaluation.visualize import ContactSheet, PredictedSample
from training.run.checkpoint import Checkpoint, save_checkpoint
from training.run.event_log import EventLog
from training.run.folder import append_record, read_records, RunPaths
from training.schema.config import TrainConfig
from training.trainer.state import TrainState

# Few and small: each evaluation adds some 50 KB.
_SHOWN, _SHOWN_WIDTH = 4, 240

Callback = Callable[[TrainState], None]


def default_callbacks(
    config: TrainConfig,
    template: Checkpoint,
    validation: ImageLabelDataset,
    paths: RunPaths,
    first_step: int,
) -> list[Callback]:
    """
    Return the callbacks of the main process, which writes all files, after the weights' average.

    `template` is a checkpoint without weights that describes the network and its data.
    """
    board = EventLog(paths.tensorboard, first_step)
    validate = evaluate_average(template, validation, paths, board)
    return [
        log_losses(paths, board),
        show_progress(),
        keep_steps(config.keep_steps, template, paths),
        every_epochs(config.evaluate_every, validate),
        every_epochs(config.checkpoint_every, save_average(template, paths.last, True)),
        at_end(validate),
        at_end(save_average(template, paths.trained, False)),
    ]


def every_epochs(epochs: int, callback: Callback) -> Callback:
    """Run a callback at the end of every n-th epoch except the last; never if n is 0."""

    def wrapped(state: TrainState) -> None:
        due = epochs and state.step % (epochs * state.steps_per_epoch) == 0
        if due and state.step < state.steps:
            callback(state)

    return wrapped


def at_end(callback: Callback) -> Callback:
    """Run a callback after the last step."""

    def wrapped(state: TrainState) -> None:
        if state.step == state.steps:
            callback(state)

    return wrapped


def update_ema(state: TrainState) -> None:
    """Update the exponential moving average of the weights."""
    state.ema.update_parameters(state.network)


def log_losses(paths: RunPaths, board: EventLog) -> Callback:
    """Write step, epoch, loss and learning rate of every step."""

    def log(state: TrainState) -> None:
        position = {'step': state.step, 'epoch': state.epoch}
        record = {**position, 'loss': state.loss, 'lr': state.learning_rate}
        append_record(paths.losses, record)
        board.add_scalar('loss', state.loss, state.step)
        board.add_scalar('learning_rate', state.learning_rate, state.step)

    return log


def show_progress() -> Callback:
    """Show a progress bar over the steps with the current loss."""
    bar: list[Any] = []

    def show(state: TrainState) -> None:
        if not bar:
            bar.append(open_bar('train', state.steps, state.step - 1))
        bar[0].update()
        bar[0].set_postfix(epoch=state.epoch, loss=f'{state.loss:.3f}')
        if state.step == state.steps:
            bar[0].close()

    return show


def evaluate_average(
    template: Checkpoint, validation: ImageLabelDataset, paths: RunPaths, board: EventLog
) -> Callback:
    """
    Evaluate the averaged network on the validation split and record mIoU and IoU.

    TensorBoard also shows some images with their label and prediction.
    """

    def run(state: TrainState) -> None:
        network = state.averaged_network()
        device = next(network.parameters()).device
        predict = torch_predictor(network, template.height, template.width, device)
        # Once is enough.
        name = '' if read_records(paths.metrics) else 'the validation labels'
        result = evaluate(predict, validation, labels_name=name)
        append_record(paths.metrics, {'epoch': state.epoch, **result})
        if result['miou'] is not None:
            board.add_scalar('miou', result['miou'], state.step)
        if len(validation):
            board.add_image('validation', _renderings(predict, validation), state.step)
        state.miou = result['miou']
        print_above(f'epoch {state.epoch}: mIoU {result["miou"]}')

    return run


def _renderings(predict: Predictor, dataset: ImageLabelDataset) -> Pixels:
    """Return images, labels and predictions of samples spread over a dataset, one in each row."""
    colors = palette([item.rgb for item in dataset.table.classes], UNLABELED)
    samples = [dataset[index] for index in range(0, len(dataset), -(-len(dataset) // _SHOWN))]
    sheet = ContactSheet(('image', 'truth', 'labels'), _SHOWN_WIDTH)
    for sample in samples:
        sheet.add(PredictedSample(sample, predict(sample.image).labels, colors))
    return sheet.image()


def save_average(template: Checkpoint, path: Path, with_progress: bool) -> Callback:
    """Save the averaged network; with its progress an interrupted run can be resumed."""

    def save(state: TrainState) -> None:
        weights = _cpu_weights(state.averaged_network())
        progress = state.progress() if with_progress else {}
        save_checkpoint(
            replace(template, weights=weights, miou=state.miou, progress=progress), path
        )

    return save


def keep_steps(steps: Collection[int], template: Checkpoint, paths: RunPaths) -> Callback:
    """Save the raw weights, not averaged, after the given steps, for weight rewinding."""

    def keep(state: TrainState) -> None:
        if state.step in steps:
            kept = replace(template, weights=_cpu_weights(state.network), miou=state.miou)
            save_checkpoint(kept, paths.weights_at(state.step))

    return keep


def _cpu_weights(network: nn.Module) -> dict[str, Any]:
    return {name: value.cpu() for name, value in network.state_dict().items()}
