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

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, set_seed
from swiftnet_ros.errors import InvalidValueError, UnknownNameError
import torch
from torch import nn, Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from training.datasets import open_dataset
from training.datasets.base import CachedDataset, ImageLabelDataset
from training.datasets.class_statistics import (
    class_weights,
    ClassCounts,
    load_or_count_classes,
    needs_counts,
)
from training.datasets.gpu_loader import check_gpu_augmentation, GpuLoader, ImageStore
from training.datasets.loader import (
    Batch,
    RareClassSampler,
    readable_batches,
    ShuffledBatchSampler,
    training_loader,
)
from training.run.checkpoint import adopt_shapes, CheckpointError, load_checkpoint
from training.run.folder import drop_records, lock_run, RunPaths
from training.schema.config import Config, flattened, load_config
from training.trainer.callbacks import Callback, default_callbacks, keep_steps, update_ema
from training.trainer.cuda_graphs import replay_as_cuda_graph
from training.trainer.distillation import load_teacher, Objective
from training.trainer.distributed import synchronize_norms
from training.trainer.initial_weights import initial_network
from training.trainer.losses import build_loss
from training.trainer.memory_format import memory_format
from training.trainer.optimizers import build_lr_schedule, build_optimizer
from training.trainer.state import TrainState
import yaml

# What of a configuration may differ when a run goes on.
_MAY_CHANGE = (
    'name',
    'data.cache',
    'train.workers',
    'train.evaluate_every',
    'train.checkpoint_every',
    'train.cuda_graphs',
)
# How long the other processes wait while the first one measures.
_PATIENCE = timedelta(hours=12)
_MIXED_PRECISION = {'none': 'no', 'bf16': 'bf16', 'fp16': 'fp16'}


def train(
    config: Config,
    root: Path | None,
    folder: Path,
    initial: Path | None = None,
    after_step: Sequence[Callback] = (),
    other_classes: bool = False,
) -> Path:
    """
    Train by a configuration on data below `root`; give the path of the finished checkpoint.

    A run whose checkpoint exists is left alone, one that was interrupted goes on, and one that
    another process trains is waited for. `initial` is a checkpoint whose weights and pruned shape
    a new run starts from, with `other_classes` all but its classifier. `after_step` are callbacks
    of every process that come before all others, as masks that hold weights at zero.
    """
    paths = RunPaths(folder)
    if paths.trained.exists():
        return paths.trained
    if folder.exists() and not folder.is_dir():
        raise InvalidValueError('--out', str(folder), 'a folder')
    with lock_run(folder):
        if not paths.trained.exists():
            _train(config, root, paths, initial, after_step, other_classes)
    return paths.trained


def _train(
    config: Config,
    root: Path | None,
    paths: RunPaths,
    initial: Path | None,
    after_step: Sequence[Callback],
    other_classes: bool,
) -> None:
    """Begin a run or go on with it, to its end."""
    set_seed(config.train.seed)
    accelerator = _accelerator(config)
    dataset = _training_data(config, root)
    wanted = needs_counts(config.class_weights, config.sampling)
    counts = load_or_count_classes(config.data, dataset, paths.class_counts) if wanted else None
    weights = class_weights(config.class_weights, counts)
    loader, sampler = _batches(config, dataset, accelerator, counts)
    classes = tuple(dataset.table.classes)
    teacher = load_teacher(config.distillation, classes, accelerator)
    objective = Objective(build_loss(config.loss, weights), teacher, config.loss.lovasz)
    last = load_checkpoint(paths.last) if paths.last.exists() else None
    network = initial_network(config, dataset, initial, last is not None, other_classes)
    if last is not None:
        check_same_config(config, paths)
        adopt_shapes(network, last.weights)
    state = _new_state(config, network, len(sampler), accelerator)
    if config.train.cuda_graphs and _has_one_gpu(accelerator):
        state.model, objective = _replayed(config, state.model, objective, accelerator)
    if last is not None:
        state.resume(last.progress, paths.last)
    callbacks: list[Callback] = [*after_step, update_ema]
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        _prepare_folder(config, paths, state)
        if counts is not None:
            counts.save(paths.class_counts, weights)
        usual = default_callbacks(config, dataset.table, root, paths, state.step + 1)
        callbacks = [*after_step, *usual]
        if state.step == 0:
            keep_steps(config, dataset.table, paths)(state)
    while state.step < state.steps:
        sampler.epoch = state.epoch
        run_epoch(state, readable_batches(loader), objective, accelerator, callbacks)
    accelerator.wait_for_everyone()
    accelerator.end_training()


def run_epoch(
    state: TrainState,
    batches: Iterable[Batch],
    objective: Objective,
    accelerator: Accelerator,
    callbacks: Sequence[Callback],
) -> None:
    """Take one optimizer step for every batch and run the callbacks after it."""
    state.model.train()
    for batch in batches:
        state.loss = _step(state, batch.to(accelerator.device), objective, accelerator)
        state.step += 1
        for callback in callbacks:
            callback(state)


def _training_data(config: Config, root: Path | None) -> ImageLabelDataset:
    data = config.data
    options = {**data.options, **data.train_options}
    dataset = open_dataset(data.dataset, root, data.train_split, options)
    if not data.cache:
        return dataset
    cached = CachedDataset(dataset)
    return cached.fill() if config.train.workers else cached


def _batches(
    config: Config,
    dataset: ImageLabelDataset,
    accelerator: Accelerator,
    counts: ClassCounts | None,
) -> tuple[Iterable[Batch | str], ShuffledBatchSampler]:
    """Make what gives the batches of an epoch, and the sampler that holds its number."""
    share = accelerator.process_index, accelerator.num_processes
    if not config.data.on_device:
        rare_classes = RareClassSampler(config.sampling, counts) if counts else None
        return training_loader(dataset, config.augmentation, config.train, *share, rare_classes)
    check_gpu_augmentation(config.augmentation, config.sampling)
    train = config.train
    sampler = ShuffledBatchSampler(len(dataset), train.batch_size, train.seed, *share)
    images = ImageStore.load(dataset, accelerator.device)
    return GpuLoader(images, config.augmentation, sampler), sampler


def _has_one_gpu(accelerator: Accelerator) -> bool:
    return bool(accelerator.device.type == 'cuda' and accelerator.num_processes == 1)


def _replayed(
    config: Config, model: nn.Module, objective: Objective, accelerator: Accelerator
) -> tuple[nn.Module, Objective]:
    """Have the network and its teacher replay_as_cuda_graph as CUDA graphs."""
    shape = (config.train.batch_size, 3, *config.augmentation.crop_size)
    images = torch.zeros(shape, dtype=torch.uint8, device=accelerator.device)
    images = images.to(memory_format=memory_format(accelerator.device))
    teacher = objective.teacher
    if teacher is not None:
        teacher = replace(teacher, network=replay_as_cuda_graph(teacher.network, images))
    return replay_as_cuda_graph(model.train(), images), replace(objective, teacher=teacher)


def _step(
    state: TrainState, batch: Batch, objective: Objective, accelerator: Accelerator
) -> float:
    """Descend one step; the loss is the mean over the pixels of all processes."""
    images = batch.images.to(memory_format=memory_format(accelerator.device))
    logits = state.model(images)
    mean = torch.zeros((), device=logits.device)
    for weight, total, count in objective.terms(images, logits, batch):
        everywhere = accelerator.reduce(count.float(), reduction='sum')
        assert isinstance(everywhere, Tensor)
        # the wrapper averages gradients over the processes: multiply, so that they are summed
        mean = mean + weight * total / everywhere.clamp(min=1) * accelerator.num_processes
    state.optimizer.zero_grad()
    accelerator.backward(mean)
    state.rate = state.optimizer.param_groups[-1]['lr']
    state.optimizer.step()
    state.scheduler.step()
    reduced = accelerator.reduce(mean.detach(), reduction='mean')
    assert isinstance(reduced, Tensor)
    return float(reduced)


def _accelerator(config: Config) -> Accelerator:
    amp = config.train.amp
    if amp not in _MIXED_PRECISION:
        raise UnknownNameError('value of train.amp', amp, _MIXED_PRECISION)
    if amp == 'fp16' and not torch.cuda.is_available():
        raise InvalidValueError('train.amp', amp, 'none or bf16 where there is no GPU')
    # Every batch has the same shape: the fastest convolutions are worth looking for.
    torch.backends.cudnn.benchmark = True
    return Accelerator(
        # Only when told so does it let several processes share a CPU.
        cpu=not torch.cuda.is_available(),
        mixed_precision=_MIXED_PRECISION[amp],
        step_scheduler_with_optimizer=False,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )


def check_same_config(config: Config, paths: RunPaths, besides: Sequence[str] = ()) -> None:
    """Refuse a run that was started with another configuration; `besides` may differ too."""
    before = dict(flattened(load_config(paths.config)))
    for name, value in flattened(config):
        if before[name] != value and name not in (*_MAY_CHANGE, *besides):
            raise CheckpointError(
                paths.trained if paths.trained.exists() else paths.last,
                f'its run has {name} {before[name]} and this one {value}; choose another --out '
                'or restore the configuration',
            )


def _prepare_folder(config: Config, paths: RunPaths, state: TrainState) -> None:
    """Write down the configuration and take back what an interrupted run wrote too much."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    paths.config.write_text(yaml.safe_dump(asdict(config), sort_keys=False))
    drop_records(paths.losses, 'step', state.step)
    drop_records(paths.metrics, 'epoch', state.epoch)


def _new_state(
    config: Config, network: nn.Module, steps_per_epoch: int, accelerator: Accelerator
) -> TrainState:
    network = synchronize_norms(network, accelerator.num_processes)
    device = accelerator.device
    network = network.to(device).to(memory_format=memory_format(device))
    decay = get_ema_multi_avg_fn(config.train.ema_decay)
    ema = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
    optimizer = build_optimizer(config.optimizer, network)
    scheduler = build_lr_schedule(
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
