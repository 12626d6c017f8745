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

"""What happens at the steps of a training run; when it happens is a wrapper around it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from training.datasets import open_dataset
from training.datasets.class_table import ClassTable
from training.evaluation.evaluate import evaluate, torch_predictor
from training.run.checkpoint import Checkpoint, save_checkpoint
from training.run.folder import append_record, RunPaths
from training.schema.config import Config
from training.trainer.state import TrainState

Callback = Callable[[TrainState], None]


def every_epochs(epochs: int, callback: Callback) -> Callback:
    """Run a callback at the end of every n-th epoch but the last; never for n = 0."""

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
    """Move the averaged weights towards the current ones."""
    state.ema.update_parameters(state.network)


def log_losses(paths: RunPaths, board: SummaryWriter) -> Callback:
    """Write step, epoch, loss and learning rate of every step."""

    def log(state: TrainState) -> None:
        record = {
            'step': state.step,
            'epoch': state.epoch,
            'loss': state.loss,
            'lr': state.rate,
        }
        append_record(paths.losses, record)
        board.add_scalar('loss', state.loss, state.step)
        board.add_scalar('learning_rate', state.rate, state.step)

    return log


def show_progress() -> Callback:
    """Show a bar over the steps with the current loss."""
    bar: list[Any] = []

    def show(state: TrainState) -> None:
        if not bar:
            bar.append(tqdm(total=state.steps, initial=state.step - 1, desc='train', disable=None))
        bar[0].update()
        bar[0].set_postfix(epoch=state.epoch, loss=f'{state.loss:.3f}')
        if state.step == state.steps:
            bar[0].close()

    return show


def score(config: Config, root: Path | None, paths: RunPaths, board: SummaryWriter) -> Callback:
    """Measure the averaged network on the validation split, which has to be there at once."""
    data = config.data
    dataset = open_dataset(data.dataset, root, data.val_split, data.options)

    def run(state: TrainState) -> None:
        network = _averaged(state)
        device = next(network.parameters()).device
        predict = torch_predictor(network, data.height, data.width, device)
        result = evaluate(predict, dataset, progress=False)
        append_record(paths.metrics, {'epoch': state.epoch, **result})
        if result['miou'] is not None:
            board.add_scalar('miou', result['miou'], state.step)
        state.miou = result['miou']
        tqdm.write(f'epoch {state.epoch}: mIoU {result["miou"]}', file=sys.stderr)

    return run


def save_last(config: Config, table: ClassTable, paths: RunPaths) -> Callback:
    """Keep the state from which the run can go on."""

    def save(state: TrainState) -> None:
        checkpoint = _checkpoint(config, table, state, state.progress())
        save_checkpoint(checkpoint, paths.last)

    return save


def keep_steps(config: Config, table: ClassTable, paths: RunPaths) -> Callback:
    """Keep the weights themselves, not averaged, of the iterations that rewinding asks for."""

    def keep(state: TrainState) -> None:
        if state.step in config.train.keep_steps:
            checkpoint = _checkpoint(config, table, state, {})
            weights = {name: value.cpu() for name, value in state.network.state_dict().items()}
            save_checkpoint(replace(checkpoint, weights=weights), paths.weights_at(state.step))

    return keep


def save_trained(config: Config, table: ClassTable, paths: RunPaths) -> Callback:
    """Keep the averaged network alone."""

    def save(state: TrainState) -> None:
        save_checkpoint(_checkpoint(config, table, state, {}), paths.trained)

    return save


def default_callbacks(
    config: Config,
    table: ClassTable,
    root: Path | None,
    paths: RunPaths,
    first_step: int,
) -> list[Callback]:
    """List what the process does that writes all files; the others only average weights."""
    # What an interrupted run wrote behind the first step is hidden.
    board = SummaryWriter(str(paths.tensorboard), purge_step=first_step)
    measure = score(config, root, paths, board)
    return [
        update_ema,
        log_losses(paths, board),
        show_progress(),
        keep_steps(config, table, paths),
        every_epochs(config.train.evaluate_every, measure),
        every_epochs(config.train.checkpoint_every, save_last(config, table, paths)),
        at_end(measure),
        at_end(save_trained(config, table, paths)),
        at_end(lambda state: board.close()),
    ]


def _averaged(state: TrainState) -> nn.Module:
    network = state.ema.module
    assert isinstance(network, nn.Module)
    return network.eval()


def _checkpoint(
    config: Config, table: ClassTable, state: TrainState, progress: dict[str, Any]
) -> Checkpoint:
    return Checkpoint(
        model=config.model,
        classes=table.classes,
        ignored_source_ids=table.ignored_source_ids,
        trained_on=config.data.dataset,
        height=config.data.height,
        width=config.data.width,
        weights={name: value.cpu() for name, value in _averaged(state).state_dict().items()},
        miou=state.miou,
        progress=progress,
    )
