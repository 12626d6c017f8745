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


"""Run a family: the dense network once for every seed, then its arms; finished runs are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from swiftnet_ros.errors import UnknownNameError
from training.datasets import open_dataset
from training.experiments.experiment import DENSE, Experiment
from training.experiments.removed import load_removed, Removed, RemovedChannels
from training.experiments.result import write_result
from training.experiments.rounds import finish_training, finish_variant
from training.experiments.seed_runs import SeedRuns
from training.experiments.weight_init import with_new_classifier
from training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.run.folder import RunPaths


def selected_runs(family: Experiment, only: Sequence[str]) -> list[str]:
    """List the runs in the order of the file, dense first; `only` leaves out others."""
    transfers = family.transfer.arms if family.transfer else {}
    known = [DENSE, *family.arms, *transfers]
    for name in only:
        if name not in known:
            raise UnknownNameError('arm', name, known)
    return [name for name in known if name in only or not only]


def run_experiment(task: SeedRuns, only: Sequence[str]) -> Iterator[RunPaths]:
    """Finish the runs of one seed one after the other; give the files of each."""
    for name in selected_runs(task.family, only):
        yield finish_run(task, name)


def finish_run(task: SeedRuns, name: str) -> RunPaths:
    """Finish a run and those it needs: the dense one, or the one it takes its weights from."""
    if name == DENSE:
        return _finish_dense(task)
    if name in task.family.arms:
        return _finish_pruned(task, name)
    return _finish_transfer(task, name)


def _finish_dense(task: SeedRuns) -> RunPaths:
    paths = task.paths(DENSE)
    finish_training(task.dense_config(), task.root, paths, RemovedChannels(), begins=False)
    if not paths.result.exists():
        write_result(paths, DENSE, {'weights': DENSE}, RemovedChannels())
    return paths


def _finish_pruned(task: SeedRuns, name: str) -> RunPaths:
    paths, arm = task.paths(name), task.family.arms[name]
    total = finish_variant(task, name, _finish_dense(task))
    if not paths.result.exists():
        options = arm.pruning and asdict(task.family.pruning[arm.pruning])
        masks = arm.masks and asdict(task.family.masks[arm.masks])
        facts = {**arm.facts(), 'pruning_options': options, 'masks_options': masks}
        write_result(paths, name, facts, total)
    return paths


def _finish_transfer(task: SeedRuns, name: str) -> RunPaths:
    assert task.family.transfer is not None
    paths, source = task.paths(name), task.family.transfer.arms[name]
    removed: Removed = RemovedChannels()
    if source is None:
        config = task.transfer_config(name, None)
        finish_training(config, task.transfer_root, paths, removed, begins=False)
    else:
        before = finish_run(task, source)
        removed = load_removed(before) or removed
        paths.folder.mkdir(parents=True, exist_ok=True)
        if not paths.initial_weights.exists():
            start = _with_new_classes(task, name, load_checkpoint(before.trained))
            save_checkpoint(start, paths.initial_weights)
        config = task.transfer_config(name, load_checkpoint(paths.initial_weights).model)
        finish_training(config, task.transfer_root, paths, removed)
    if not paths.result.exists():
        write_result(paths, name, {'weights': 'transfer', 'source': source}, removed)
    return paths


def _with_new_classes(task: SeedRuns, name: str, source: Checkpoint) -> Checkpoint:
    """Make the first weights of a run on the second data set from a network of the first."""
    config = task.transfer_config(name, None)
    data = config.data
    table = open_dataset(data.dataset, task.transfer_root, data.train_split, data.options).table
    target = replace(
        source,
        model=replace(source.model, classes=config.model.classes),
        classes=table.classes,
        ignored_source_ids=table.ignored_source_ids,
        trained_on=data.dataset,
        height=data.height,
        width=data.width,
    )
    return with_new_classifier(source, target, task.seed)
