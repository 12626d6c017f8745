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

"""The training loop: a config and a dataset in, a run folder with a checkpoint out."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import set_seed
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.files import write_atomic, write_json
from swiftnet_ros.system.process import print_warning
import torch
from torch import nn, Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from training.datasets.base import (
    CachedDataset,
    ImageLabelDataset,
    read_label,
    reads_labels_alone,
)
from training.datasets.class_statistics import (
    class_weights,
    ClassCounts,
    load_or_count_classes,
    needs_counts,
)
from training.datasets.class_table import ClassTable
from training.datasets.gpu_loader import check_gpu_augmentation, GpuLoader, ImageStore
from training.datasets.loader import (
    Batch,
    image_weights,
    RareClassSampler,
    readable_batches,
    ShuffledBatchSampler,
    training_loader,
)
from training.datasets.mixture import (
    description,
    open_training_data,
    open_validation_data,
    SourcePart,
)
from training.models.encoders.base import Encoder
from training.run.checkpoint import adopt_shapes, Checkpoint, load_checkpoint
from training.run.folder import drop_records, lock_run, RunPaths
from training.run.origin import Origin
from training.schema.config import (
    Config,
    OptimizerConfig,
    TrainConfig,
)
from training.trainer.callbacks import Callback, default_callbacks, keep_steps, update_ema
from training.trainer.device import build_accelerator, memory_format, replay_as_cuda_graph
from training.trainer.distillation import load_teacher, Objective
from training.trainer.distributed import (
    count_processes,
    from_main_process,
    is_main_process,
    synchronize_norms,
)
from training.trainer.divergence import stop_if_diverged
from training.trainer.initial_weights import initial_network, weights_origin, WeightsOrigin
from training.trainer.losses import build_loss
from training.trainer.lr_schedule import build_lr_schedule
from training.trainer.norm_sizes import check_norm_sizes
from training.trainer.optimizers import build_optimizer
from training.trainer.same_run import check_same_config, check_same_origin
from training.trainer.state import TrainState
import yaml


def train(
    config: Config,
    root: Path | None,
    folder: Path,
    initial: Path | None = None,
    after_step: Sequence[Callback] = (),
    other_classes: bool = False,
    may_differ: Collection[str] = (),
) -> Path:
    """
    Train on the dataset below `root` and return the path of the finished checkpoint.

    A finished run is left as it is, an interrupted one is resumed, and one that another process
    trains is waited for. Raise CheckpointError if it was started with another configuration,
    except for keys that `may_differ` in a finished run, or with other data. `initial` is a
    checkpoint whose weights and pruned shape a new run starts from; with `other_classes` its
    classifier is replaced. `after_step` are callbacks of every process that run before all
    others, such as masks that keep weights at zero.
    """
    paths = RunPaths(folder)
    if folder.exists() and not folder.is_dir():
        raise InvalidValueError('--out', str(folder), 'a folder')
    if count_processes() > 1:
        # Connects the processes.
        build_accelerator(config.train.amp)
    if count_processes() > 1 or not paths.trained.exists():
        with lock_run(folder):
            if not from_main_process(paths.trained.exists()):
                _train(config, root, paths, initial, after_step, other_classes)
                return paths.trained
    if is_main_process():
        _check_finished(config, root, paths, initial, may_differ)
    return paths.trained


def _check_finished(
    config: Config,
    root: Path | None,
    paths: RunPaths,
    initial: Path | None,
    may_differ: Collection[str],
) -> None:
    """Raise CheckpointError if a finished run is not the one that is asked for."""
    if paths.config.exists():
        check_same_config(config, paths, may_differ)
    check_same_origin(open_training_data(config.data, root)[0], paths, initial)


def _train(
    config: Config,
    root: Path | None,
    paths: RunPaths,
    initial: Path | None,
    after_step: Sequence[Callback],
    other_classes: bool,
) -> None:
    """Start or resume a run and finish it."""
    set_seed(config.train.seed)
    accelerator = build_accelerator(config.train.amp)
    last = None
    if is_main_process() and paths.last.exists():
        last = load_checkpoint(paths.last)
        check_same_config(config, paths)
    last = from_main_process(last)
    dataset, parts = open_training_data(config.data, root)
    origin = _common_origin(dataset, paths, initial)
    validation = _checked_validation(config, root) if is_main_process() else None
    dataset = _cached(dataset, config)
    counts = _class_counts(config, dataset, paths, accelerator)
    weights = class_weights(config.class_weights, counts and counts.weighted(image_weights(parts)))
    loader, sampler = _batches(config, dataset, parts, accelerator, counts)
    table = dataset.table
    classes = table.classes
    teacher = load_teacher(config.distillation, classes, accelerator)
    objective = Objective(
        build_loss(config.loss, weights),
        teacher,
        config.loss.lovasz,
        config.loss.stride,
        config.loss.exclusion if any(s.exclude for s in config.data.sources) else 0.0,
    )
    network = initial_network(config.model, classes, initial, other_classes, last is not None)
    _prepare_network(network, config, last)
    source = weights_origin(config, dataset, initial, last)
    state = _new_state(config.train, config.optimizer, network, len(sampler), accelerator)
    has_one_gpu = accelerator.device.type == 'cuda' and accelerator.num_processes == 1
    if config.train.cuda_graphs and has_one_gpu:
        shape = (config.train.batch_size, 3, *config.augmentation.crop_size)
        objective = _capture(state, objective, shape, accelerator.device)
    if last is not None:
        state.resume(last.progress, paths.last)
    check = stop_if_diverged(paths, config.train.keep_steps)
    callbacks: list[Callback] = [*after_step, update_ema, check]
    accelerator.wait_for_everyone()
    if validation is not None:
        _prepare_folder(config, paths, state)
        if source.pretrained_sha256 is not None:
            write_json(paths.pretrained, {'sha256': source.pretrained_sha256})
        origin.save(paths.origin)
        if counts is not None:
            counts.save(paths.class_counts, weights)
        callbacks += _main_callbacks(config, validation, table, paths, state, source)
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


def _step(
    state: TrainState, batch: Batch, objective: Objective, accelerator: Accelerator
) -> float:
    """Take an optimizer step and return the loss, a mean over the pixels of all processes."""
    images = batch.images.to(memory_format=memory_format(accelerator.device, state.network))
    logits = state.model(images)
    loss = torch.zeros((), device=logits.device)
    for weight, total, count in objective.terms(images, logits, batch):
        count_of_all = accelerator.reduce(count.float(), reduction='sum')
        assert isinstance(count_of_all, Tensor)
        # The wrapper averages gradients over the processes; here they have to be summed.
        loss = loss + weight * total / count_of_all.clamp(min=1) * accelerator.num_processes
    state.optimizer.zero_grad()
    accelerator.backward(loss)
    state.learning_rate = state.optimizer.param_groups[-1]['lr']
    state.optimizer.step()
    state.scheduler.step()
    reduced = accelerator.reduce(loss.detach(), reduction='mean')
    assert isinstance(reduced, Tensor)
    return float(reduced)


def _common_origin(dataset: ImageLabelDataset, paths: RunPaths, initial: Path | None) -> Origin:
    """Return what the run learns from; raise if it is another one or differs by process."""
    if is_main_process():
        return from_main_process(check_same_origin(dataset, paths, initial))
    own = Origin.of(dataset, initial)
    if from_main_process(own) != own:
        raise InvalidValueError(
            'training data of this process',
            f'{own.images} images or weights of --init other than those of the first process',
            'the same files on every machine',
        )
    return own


def _prepare_network(network: nn.Module, config: Config, last: Checkpoint | None) -> None:
    """Adopt the shapes of an interrupted run, freeze stages, check the sizes of all norms."""
    if last is not None:
        adopt_shapes(network, last.weights)
    encoder = network.encoder
    assert isinstance(encoder, Encoder)
    encoder.freeze(config.train.frozen_stages)
    check_norm_sizes(network, config.train.batch_size, config.augmentation.crop_size)


def _class_counts(
    config: Config, dataset: ImageLabelDataset, paths: RunPaths, accelerator: Accelerator
) -> ClassCounts | None:
    """Count the classes and warn if one does not occur; None if not needed and not cheap."""
    may_warn = accelerator.is_main_process and reads_labels_alone(dataset)
    if not needs_counts(config.class_weights, config.sampling) and not may_warn:
        return None
    counts = load_or_count_classes(config.data, dataset, paths.class_counts)
    warning = counts.warning()
    if warning and accelerator.is_main_process:
        print_warning(warning)
    return counts


def _checked_validation(config: Config, root: Path | None) -> ImageLabelDataset:
    """Open the validation images and read their labels: a wrong one would end a run late."""
    validation = open_validation_data(config.data, root)
    if reads_labels_alone(validation):
        for index in range(len(validation)):
            read_label(validation, index)
    return validation


def _cached(dataset: ImageLabelDataset, config: Config) -> ImageLabelDataset:
    if not config.data.cache:
        return dataset
    cached = CachedDataset(dataset)
    return cached.fill() if config.train.workers else cached


def _batches(
    config: Config,
    dataset: ImageLabelDataset,
    parts: Sequence[SourcePart],
    accelerator: Accelerator,
    counts: ClassCounts | None,
) -> tuple[Iterable[Batch | str], ShuffledBatchSampler]:
    """Return the batches of an epoch, and the sampler on which the epoch is set."""
    process = accelerator.process_index, accelerator.num_processes
    train, augmentation = config.train, config.augmentation
    if not config.data.on_device:
        rare_classes = None
        if counts is not None and config.sampling.fraction > 0:
            rare_classes = RareClassSampler(config.sampling, counts, parts)
        return training_loader(dataset, augmentation, train, *process, rare_classes, parts)
    check_gpu_augmentation(augmentation, config.sampling)
    sampler = ShuffledBatchSampler(
        len(dataset), train.batch_size, train.seed, *process, parts=parts
    )
    images = ImageStore.load(dataset, accelerator.device)
    return GpuLoader(images, augmentation, sampler), sampler


def _new_state(
    config: TrainConfig,
    optimizer_config: OptimizerConfig,
    network: nn.Module,
    steps_per_epoch: int,
    accelerator: Accelerator,
) -> TrainState:
    network = synchronize_norms(network, accelerator.num_processes)
    device = accelerator.device
    network = network.to(device).to(memory_format=memory_format(device, network))
    ema_update = get_ema_multi_avg_fn(config.ema_decay)
    ema = AveragedModel(network, multi_avg_fn=ema_update, use_buffers=True)
    steps = config.epochs * steps_per_epoch
    optimizer = build_optimizer(optimizer_config, network)
    scheduler = build_lr_schedule(optimizer_config, optimizer, steps, steps_per_epoch)
    model, prepared = accelerator.prepare(network, optimizer)
    return TrainState(
        model=model,
        network=network,
        ema=ema,
        optimizer=prepared,
        scheduler=scheduler,
        steps_per_epoch=steps_per_epoch,
        steps=steps,
    )


def _capture(
    state: TrainState, objective: Objective, shape: tuple[int, ...], device: torch.device
) -> Objective:
    """Capture the network and its teacher as CUDA graphs for batches of `shape`."""
    images = torch.zeros(shape, dtype=torch.uint8, device=device)
    images = images.to(memory_format=memory_format(device, state.network))
    teacher = objective.teacher
    if teacher is not None:
        teacher = replace(teacher, network=replay_as_cuda_graph(teacher.network, images))
    state.model = replay_as_cuda_graph(state.model.train(), images)
    return replace(objective, teacher=teacher)


def _main_callbacks(
    config: Config,
    validation: ImageLabelDataset,
    table: ClassTable,
    paths: RunPaths,
    state: TrainState,
    source: WeightsOrigin,
) -> list[Callback]:
    """Return the callbacks of the main process; keep the initial weights if requested."""
    data = config.data
    template = Checkpoint(
        model=config.model,
        classes=table.classes,
        ignored_source_ids=table.ignored_source_ids,
        trained_on=description(data),
        height=data.height,
        width=data.width,
        weights={},
        pretrained_sha256=source.pretrained_sha256,
        license=source.terms.license,
        terms=source.terms.terms,
    )
    callbacks = default_callbacks(config.train, template, validation, paths, state.step + 1)
    if state.step == 0:
        keep_steps(config.train.keep_steps, template, paths)(state)
    return callbacks


def _prepare_folder(config: Config, paths: RunPaths, state: TrainState) -> None:
    """Write the configuration; drop records of steps that will be trained again."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(paths.config, yaml.safe_dump(asdict(config), sort_keys=False))
    drop_records(paths.losses, 'step', state.step)
    drop_records(paths.metrics, 'epoch', state.epoch)
