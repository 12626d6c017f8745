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

"""Run an experiment: the dense network, then its variants; finished runs are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from swiftnet_ros.errors import UnknownNameError
from training.datasets.mixture import description, open_training_data
from training.datasets.terms import combined_terms, terms_of_data
from training.experiments.experiment import DENSE, Experiment
from training.experiments.removed import load_removed, Removed, RemovedChannels
from training.experiments.result import write_result
from training.experiments.rounds import finish_training, finish_variant
from training.experiments.seed_runs import SeedRuns
from training.experiments.weight_init import with_new_classifier
from training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.run.folder import RunPaths


def selected_runs(experiment: Experiment, only: Sequence[str]) -> list[str]:
    """Return the runs in the order of the file, dense first; all if `only` is empty."""
    transfers = experiment.transfer.variants if experiment.transfer else {}
    known = [DENSE, *experiment.variants, *transfers]
    for name in only:
        if name not in known:
            raise UnknownNameError('variant', name, known)
    return [name for name in known if name in only or not only]


def run_experiment(runs: SeedRuns, only: Sequence[str]) -> Iterator[RunPaths]:
    """Finish the selected runs of one seed one after the other; yield the paths of each."""
    for name in selected_runs(runs.experiment, only):
        yield finish_run(runs, name)


def finish_run(runs: SeedRuns, name: str) -> RunPaths:
    """Finish a run and those that it starts from."""
    if name == DENSE:
        return _finish_dense(runs)
    if name in runs.experiment.variants:
        return _finish_variant(runs, name)
    return _finish_transfer(runs, name)


def _finish_dense(runs: SeedRuns) -> RunPaths:
    paths, removed = runs.paths(DENSE), RemovedChannels()
    finish_training(runs.dense_config(), runs.root, paths, removed, from_initial_weights=False)
    write_result(paths, DENSE, {'weights': DENSE}, removed)
    return paths


def _finish_variant(runs: SeedRuns, name: str) -> RunPaths:
    experiment = runs.experiment
    paths, variant = runs.paths(name), experiment.variants[name]
    removed = finish_variant(runs, name, _finish_dense(runs))
    settings = {
        **variant.to_dict(),
        'pruning_options': variant.pruning and asdict(experiment.pruning[variant.pruning]),
        'masks_options': variant.masks and asdict(experiment.masks[variant.masks]),
    }
    write_result(paths, name, settings, removed)
    return paths


def _finish_transfer(runs: SeedRuns, name: str) -> RunPaths:
    assert runs.experiment.transfer is not None
    paths, source = runs.paths(name), runs.experiment.transfer.variants[name]
    removed: Removed = RemovedChannels()
    model = None
    if source is not None:
        before = finish_run(runs, source)
        removed = load_removed(before) or removed
        paths.folder.mkdir(parents=True, exist_ok=True)
        if not paths.initial_weights.exists():
            start = _transferred(runs, name, load_checkpoint(before.trained))
            save_checkpoint(start, paths.initial_weights)
        model = load_checkpoint(paths.initial_weights).model
    config = runs.transfer_config(name, model)
    finish_training(config, runs.transfer_root, paths, removed, source is not None)
    write_result(paths, name, {'weights': 'transfer', 'source': source}, removed)
    return paths


def _transferred(runs: SeedRuns, name: str, source: Checkpoint) -> Checkpoint:
    """Return the initial weights of a run on the second dataset, from a network of the first."""
    config = runs.transfer_config(name, None)
    data = config.data
    dataset = open_training_data(data, runs.transfer_root)[0]
    table = dataset.table
    terms = combined_terms([terms_of_data(dataset), source.known_terms])
    target = replace(
        source,
        model=replace(source.model, classes=config.model.classes),
        classes=table.classes,
        ignored_source_ids=table.ignored_source_ids,
        trained_on=description(data),
        height=data.height,
        width=data.width,
        license=terms.license,
        terms=terms.terms,
    )
    return with_new_classifier(source, target, runs.seed)
