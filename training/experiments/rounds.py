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

"""The rounds of a variant: prune, initialize weights, train; finished steps are not repeated."""

from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.json_reader import read_json_object
import torch
from training.datasets.loader import readable_batches, training_loader
from training.datasets.mixture import open_training_data
from training.experiments.removed import load_removed, MaskedWeights, Removed, RemovedChannels
from training.experiments.seed_runs import SeedRuns
from training.experiments.variant import Variant
from training.experiments.weight_init import WEIGHT_INITS, WeightSources
from training.pruning.channel_statistics import collect_statistics, warn_of_few_batches
from training.pruning.criteria import NetworkStatistics
from training.pruning.history import PruningHistory
from training.pruning.masks import unstructured_masks
from training.pruning.structured import prune
from training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.run.folder import RunPaths
from training.schema.config import Config
from training.trainer.state import TrainState
from training.trainer.train import train

# Criteria that need statistics of the network's channels on data.
_CRITERIA_ON_DATA = ('context',)
# A dense run of another experiment may have kept more steps, and the dense run that is the teacher
# may have moved to another folder. All other keys must equal those in arm.json.
_MAY_DIFFER = ('train.keep_steps', 'distillation.teacher')


class VariantMismatchError(SwiftnetError):
    """A folder in which a variant of the same name was started with other options."""

    def __init__(self, path: Path, key: str, before: object, now: object) -> None:
        super().__init__(
            f'{path} has {key} {before!r} and the experiment now has {now!r}; choose another '
            '--out or restore the experiment'
        )


def finish_variant(runs: SeedRuns, name: str, dense: RunPaths) -> Removed:
    """Finish all rounds of a variant and return what they removed since the dense run."""
    rounds, paths = runs.experiment.variants[name].rounds, runs.paths(name)
    source, removed = dense.trained, None
    for number in range(1, rounds + 1):
        # The files of the last round are those of the variant itself.
        current = paths if number == rounds else paths.pruning_round(number)
        removed = _Round(runs, name, number, current, dense, source, removed).finish()
        source = current.trained
    assert removed is not None
    return removed


@dataclass(frozen=True)
class _Round:
    """A round prunes the checkpoint `source`, from which `removed_before` is already gone."""

    runs: SeedRuns
    name: str
    number: int
    paths: RunPaths
    dense: RunPaths
    source: Path
    removed_before: Removed | None

    @property
    def variant(self) -> Variant:
        return self.runs.experiment.variants[self.name]

    def finish(self) -> Removed:
        """Prune, initialize and train, skipping what is done; return everything removed so far."""
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        self._write_options()
        trained = load_checkpoint(self.source)
        removed = self._removed(trained)
        if not self.paths.initial_weights.exists():
            save_checkpoint(self._initial_weights(trained, removed), self.paths.initial_weights)
        model = load_checkpoint(self.paths.initial_weights).model
        config = self.runs.variant_config(self.name, model)
        finish_training(config, self.runs.root, self.paths, removed)
        return removed

    def _write_options(self) -> None:
        """Write arm.json; raise VariantMismatchError if it exists with other options."""
        variant, experiment, path = self.variant, self.runs.experiment, self.paths.variant
        prune_options = variant.pruning and asdict(
            variant.prune_options(experiment.pruning[variant.pruning], self.number)
        )
        options = {
            'seed': self.runs.seed,
            'round': self.number,
            **variant.to_dict(),
            'pruning': prune_options,
            'masks': variant.masks and asdict(experiment.masks[variant.masks]),
            'calibration_batches': experiment.calibration_batches,
        }
        if not path.exists():
            write_json(path, options, indent=1)
        before = read_json_object(path, 'options of a variant')
        for key, value in options.items():
            if before.get(key) != value:
                raise VariantMismatchError(path, key, before.get(key), value)

    def _removed(self, trained: Checkpoint) -> Removed:
        """Return what is removed after this round, from its file if that exists."""
        if self.variant.pruning is None and self.variant.masks is None:
            return RemovedChannels()
        removed = load_removed(self.paths)
        if removed is None:
            removed = find_removed(
                self.runs, self.variant, self.number, trained, self.removed_before
            )
            removed.save(self.paths)
        return removed

    def _initial_weights(self, trained: Checkpoint, removed: Removed) -> Checkpoint:
        variant = self.variant
        steps = [variant.rewind_to] if variant.weights == 'lth' else []
        sources = WeightSources(
            trained=trained,
            kept={step: load_checkpoint(self.dense.weights_at(step)) for step in steps},
            newest=_newest(removed, self.removed_before),
            total=removed,
            seed=self.runs.seed,
            rewind_to=variant.rewind_to,
            narrow=variant.narrow_model(trained.model),
        )
        return WEIGHT_INITS[variant.weights](sources)


def find_removed(
    runs: SeedRuns, variant: Variant, number: int, trained: Checkpoint, before: Removed | None
) -> Removed:
    """Prune the network of round `number`; return all that is removed since the dense run."""
    if variant.masks is not None:
        options = runs.experiment.masks[variant.masks]
        ratio = variant.ratio_after(options.ratio, number)
        return MaskedWeights(unstructured_masks(trained.network(), replace(options, ratio=ratio)))
    assert variant.pruning is not None
    earlier = before.history if isinstance(before, RemovedChannels) else PruningHistory()
    choice = variant.prune_options(runs.experiment.pruning[variant.pruning], number)
    needs_data = choice.criterion in _CRITERIA_ON_DATA
    statistics = _statistics(runs, trained) if needs_data else None
    newest = prune(trained.network(), choice, statistics, runs.seed, earlier)
    return RemovedChannels(earlier + newest)


def _statistics(runs: SeedRuns, trained: Checkpoint) -> NetworkStatistics:
    """Collect channel statistics on the first training batches of the dense run."""
    config = runs.dense_config()
    dataset, parts = open_training_data(config.data, runs.root)
    loader, _ = training_loader(dataset, config.augmentation, config.train, parts=parts)
    count = runs.experiment.calibration_batches
    warn_of_few_batches(len(loader), count, config.train.batch_size)
    batches = islice(readable_batches(loader), count)
    network = trained.network().to('cuda' if torch.cuda.is_available() else 'cpu')
    return collect_statistics(network, batches, len(trained.classes))


def _newest(total: Removed, before: Removed | None) -> Removed:
    """Return what the last round removed: the end of a history; masks are always complete."""
    if not isinstance(total, RemovedChannels) or not isinstance(before, RemovedChannels):
        return total
    earlier = len(before.history.removals)
    return RemovedChannels(PruningHistory(total.history.removals[earlier:]))


def finish_training(
    config: Config,
    root: Path | None,
    paths: RunPaths,
    removed: Removed,
    from_initial_weights: bool = True,
) -> None:
    """
    Train or resume a run to its end, from start.pt or from scratch.

    Raise CheckpointError if it was started with another configuration.
    """

    def reapply(state: TrainState) -> None:
        removed.reapply(state.network)

    initial = paths.initial_weights if from_initial_weights else None
    train(config, root, paths.folder, initial, [reapply], may_differ=_MAY_DIFFER)
    # It also holds optimizer and EMA, three times the size of the network, and is not needed now.
    paths.last.unlink(missing_ok=True)
