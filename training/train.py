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

"""Train a network: a closed loop; whatever else happens at a step arrives as callbacks."""

from dataclasses import asdict
from pathlib import Path
from typing import Callable, Iterable, Optional, Sequence

from accelerate import Accelerator
from accelerate.utils import set_seed
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
import yaml

from swiftnet_ros.errors import InvalidValueError
from training.batches import Batch, training_batches
from training.callbacks import default_callbacks
from training.checkpoint import load_checkpoint
from training.config import Config
from training.datasets import open_dataset
from training.distributed import synchronize_norms
from training.losses import Loss, build_loss
from training.models import build_model
from training.optimizers import build_optimizer, build_scheduler
from training.paths import RunPaths
from training.records import drop_records
from training.state import TrainState

_MIXED_PRECISION = {'none': 'no', 'bf16': 'bf16', 'fp16': 'fp16'}


def train(config: Config, root: Optional[Path], folder: Path) -> Path:
    """Train by a configuration on data below `root`; give the path of the finished checkpoint.

    A run whose checkpoint exists is left alone; one that was interrupted goes on.
    """
    paths = RunPaths(folder)
    if paths.trained.exists():
        return paths.trained
    set_seed(config.train.seed)
    accelerator = _accelerator(config)
    dataset = open_dataset(
        config.data.dataset, root, config.data.train_split, config.data.options
    )
    loader, sampler = training_batches(
        config, dataset, accelerator.process_index, accelerator.num_processes
    )
    network = build_model(config.model, len(dataset.table.classes))
    if config.model.pretrained and not paths.last.exists():
        network.encoder.load_imagenet()  # type: ignore[operator, union-attr]
    state = _new_state(config, network, len(sampler), accelerator)
    if accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        paths.config.write_text(yaml.safe_dump(asdict(config), sort_keys=False))
    if paths.last.exists():
        state.resume(load_checkpoint(paths.last).progress, paths.last)
        drop_records(paths.losses, 'step', state.step)
        drop_records(paths.metrics, 'epoch', state.epoch)
    callbacks = default_callbacks(config, dataset.table, root, paths, accelerator)
    loss = build_loss(config.loss)
    while state.step < state.steps:
        sampler.epoch = state.epoch
        run_epoch(state, loader, loss, accelerator, callbacks)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return paths.trained


def run_epoch(
    state: TrainState,
    batches: Iterable[Batch],
    loss: Loss,
    accelerator: Accelerator,
    callbacks: Sequence[Callable[[TrainState], None]],
) -> None:
    """Take one optimizer step for every batch and run the callbacks after it."""
    state.model.train()
    for batch in batches:
        state.loss = _step(state, batch.to(accelerator.device), loss, accelerator)
        state.step += 1
        for callback in callbacks:
            callback(state)


def _step(state: TrainState, batch: Batch, loss: Loss, accelerator: Accelerator) -> float:
    """Descend one step; the loss is the mean over the pixels of all processes."""
    images = batch.images.to(memory_format=torch.channels_last)
    logits = state.model(images)
    total, count = loss(logits, batch.labels, batch.edge_distance)
    everywhere = accelerator.reduce(count.float(), reduction='sum')
    assert isinstance(everywhere, Tensor)
    # the wrapper averages gradients over the processes: multiply, so that they are summed
    mean = total / everywhere.clamp(min=1) * accelerator.num_processes
    state.optimizer.zero_grad()
    accelerator.backward(mean)
    state.optimizer.step()
    state.scheduler.step()
    reduced = accelerator.reduce(mean.detach(), reduction='mean')
    assert isinstance(reduced, Tensor)
    return float(reduced)


def _accelerator(config: Config) -> Accelerator:
    if config.train.amp not in _MIXED_PRECISION:
        raise InvalidValueError('train.amp', config.train.amp, 'none, bf16 or fp16')
    return Accelerator(
        mixed_precision=_MIXED_PRECISION[config.train.amp], step_scheduler_with_optimizer=False
    )


def _new_state(
    config: Config, network: nn.Module, steps_per_epoch: int, accelerator: Accelerator
) -> TrainState:
    network = synchronize_norms(network, accelerator.num_processes)
    network = network.to(accelerator.device, memory_format=torch.channels_last)
    decay = get_ema_multi_avg_fn(config.train.ema_decay)
    ema = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
    optimizer = build_optimizer(config.optimizer, network)
    scheduler = build_scheduler(
        config.optimizer, optimizer, config.train.epochs * steps_per_epoch, steps_per_epoch
    )
    model, prepared = accelerator.prepare(network, optimizer)
    return TrainState(
        model=model,
        network=network,
        ema=ema,
        optimizer=prepared,
        scheduler=scheduler,
        steps_per_epoch=steps_per_epoch,
        steps=config.train.epochs * steps_per_epoch,
    )


