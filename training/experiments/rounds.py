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


"""One round of an arm: prune, make the first weights, train; what is there already is kept."""

from dataclasses import asdict, replace
from itertools import islice
import json
from pathlib import Path

from swiftnet_ros.errors import SwiftnetError
import torch
from training.datasets import open_dataset
from training.datasets.loader import readable_batches, training_loader
from training.experiments.removed import (
    load_removed,
    Removed,
    RemovedChannels,
    RemovedWeights,
    save_removed,
)
from training.experiments.seed_runs import SeedRuns
from training.experiments.variant import Variant
from training.experiments.weight_init import WEIGHT_INITS, WeightSources
from training.pruning.channel_group import NetworkStatistics
from training.pruning.channel_statistics import collect_statistics
from training.pruning.history import PruningHistory
from training.pruning.masks import unstructured_masks
from training.pruning.structured import prune
from training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.run.folder import RunPaths
from training.schema.config import Config
from training.trainer.state import TrainState
from training.trainer.train import check_same_config, train

# Criteria that look at the network's responses to data.
_ON_DATA = ('context',)


def find_removed(
    task: SeedRuns, arm: Variant, number: int, trained: Checkpoint, before: Removed | None
) -> Removed:
    """Give all that is gone from the dense network after round `number`."""
    if arm.masks is not None:
        options = task.family.masks[arm.masks]
        share = replace(options, ratio=arm.share(options.ratio, number))
        return RemovedWeights(unstructured_masks(trained.network(), share))
    assert arm.pruning is not None
    earlier = before.history if isinstance(before, RemovedChannels) else PruningHistory()
    choice = arm.prune_options(task.family.pruning[arm.pruning], number)
    statistics = _statistics(task, trained) if choice.criterion in _ON_DATA else None
    return RemovedChannels(
        earlier + prune(trained.network(), choice, statistics, task.seed, earlier)
    )


def _statistics(task: SeedRuns, trained: Checkpoint) -> NetworkStatistics:
    """Show the trained network the first batches of the dense run's training."""
    config = task.dense_config()
    data = config.data
    options = {**data.options, **data.train_options}
    dataset = open_dataset(data.dataset, task.root, data.train_split, options)
    loader, _ = training_loader(dataset, config.augmentation, config.train)
    batches = islice(readable_batches(loader), task.family.calibration_batches)
    network = trained.network().to('cuda' if torch.cuda.is_available() else 'cpu')
    return collect_statistics(network, batches, len(trained.classes))


# What may differ of a dense run that is taken over: it may have kept more than is needed. Where
# the family's own dense run lies is no difference; arm.json holds an arm to the rest.
_KEPT = ('train.keep_steps', 'distillation.teacher')


class VariantMismatchError(SwiftnetError):
    """A folder in which an arm of the same name was begun with other options."""

    def __init__(self, path: Path, key: str, before: object, now: object) -> None:
        super().__init__(
            f'{path} has {key} {before!r} and the family now says {now!r}; choose another --out '
            'or restore the family'
        )


def finish_training(
    config: Config, root: Path | None, paths: RunPaths, removed: Removed, begins: bool = True
) -> None:
    """
    Train to the end, from start.pt where `begins`.

    What was begun goes on; a run of another configuration is refused.
    """
    if paths.config.exists():
        check_same_config(config, paths, _KEPT)

    def hold(state: TrainState) -> None:
        removed.hold(state.network)

    train(config, root, paths.folder, paths.initial_weights if begins else None, [hold])
    # It is three times as large as the network, and nothing goes on from it.
    paths.last.unlink(missing_ok=True)


def finish_variant(task: SeedRuns, name: str, dense: RunPaths) -> Removed:
    """Go through all rounds of an arm; the last one's files are the arm's own."""
    arm, paths = task.family.arms[name], task.paths(name)
    trained, total = dense.trained, None
    for number in range(1, arm.rounds + 1):
        current = paths if number == arm.rounds else paths.pruning_round(number)
        total = _finish_round(task, name, number, (dense, trained, total), current)
        trained = current.trained
    assert total is not None
    return total


def _finish_round(
    task: SeedRuns,
    name: str,
    number: int,
    before: tuple[RunPaths, Path, Removed | None],
    paths: RunPaths,
) -> Removed:
    """Prune what the round before trained, make first weights of it, train them."""
    arm = task.family.arms[name]
    dense, source, gone = before
    paths.folder.mkdir(parents=True, exist_ok=True)
    _write_down(task, arm, number, paths.variant)
    trained = load_checkpoint(source)
    total = _removed(task, arm, number, (trained, gone), paths)
    if not paths.initial_weights.exists():
        kept = {step: load_checkpoint(dense.weights_at(step)) for step in _needed(arm)}
        given = WeightSources(
            trained=trained,
            kept=kept,
            newest=_newest(total, gone),
            total=total,
            seed=task.seed,
            rewind_to=arm.rewind_to,
            narrow=arm.narrow_model(trained.model),
        )
        save_checkpoint(WEIGHT_INITS[arm.weights](given), paths.initial_weights)
    model = load_checkpoint(paths.initial_weights).model
    finish_training(task.variant_config(name, arm, model), task.root, paths, total)
    return total


def _removed(
    task: SeedRuns,
    arm: Variant,
    number: int,
    before: tuple[Checkpoint, Removed | None],
    paths: RunPaths,
) -> Removed:
    """Find what is gone after this round, or read what was found before."""
    if arm.pruning is None and arm.masks is None:
        return RemovedChannels()
    found = load_removed(paths)
    if found is None:
        found = find_removed(task, arm, number, *before)
        save_removed(found, paths.history if arm.masks is None else paths.masks)
    return found


def _newest(total: Removed, before: Removed | None) -> Removed:
    """Give what the newest round removed: the end of a history; masks are always of all."""
    if not isinstance(total, RemovedChannels) or not isinstance(before, RemovedChannels):
        return total
    earlier = len(before.history.removals)
    return RemovedChannels(PruningHistory(total.history.removals[earlier:]))


def _needed(arm: Variant) -> list[int]:
    return [arm.rewind_to] if arm.weights == 'lth' else []


def _write_down(task: SeedRuns, arm: Variant, number: int, path: Path) -> None:
    """Write what is asked for; refuse a folder where something else was begun."""
    family = task.family
    asked = {
        'seed': task.seed,
        'round': number,
        **arm.facts(),
        'pruning': arm.pruning and asdict(arm.prune_options(family.pruning[arm.pruning], number)),
        'masks': arm.masks and asdict(family.masks[arm.masks]),
        'calibration_batches': family.calibration_batches,
    }
    if not path.exists():
        path.write_text(json.dumps(asked, indent=1) + '\n')
    before = json.loads(path.read_text())
    for key, value in asked.items():
        if before.get(key) != value:
            raise VariantMismatchError(path, key, before.get(key), value)
