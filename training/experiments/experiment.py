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

"""The YAML file of an experiment: a dense run, its pruned variants, and a transfer to new data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
import re
from typing import Any

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from training.experiments.variant import check_variant, Variant
from training.pruning.masks import MaskOptions
from training.pruning.options import PruneOptions
from training.schema.config import check_config, check_values, Config, load_tree
from training.schema.from_yaml import dataclass_from_tree, renamed_from

DENSE = 'dense'


@dataclass(frozen=True)
class Transfer:
    """
    Runs on a second dataset, trained by `train`.

    `variants` maps each to the run whose weights it starts from: dense, one of the experiment's
    variants, or None for random weights.
    """

    train: Config
    variants: Mapping[str, str | None] = renamed_from('arms', default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """
    Everything that the results depend on, except for the folders of the data.

    Every variant trains as long as `dense` does, on the same crops in the same order.
    `calibration_batches` is the number of training batches for criteria that need data.
    """

    name: str
    dense: Config
    variants: Mapping[str, Variant] = renamed_from('arms')
    pruning: Mapping[str, PruneOptions] = field(default_factory=dict)
    masks: Mapping[str, MaskOptions] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    calibration_batches: int = 8
    transfer: Transfer | None = None


def load_experiment(path: Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Load an experiment; `overrides` are 'section.key=value' strings."""
    return experiment_from_tree(load_tree(path, overrides))


def experiment_from_tree(tree: dict[str, Any]) -> Experiment:
    """Return an experiment made from plain dictionaries; raise for unknown keys and values."""
    experiment = dataclass_from_tree(Experiment, _with_names(tree))
    check_config(experiment.dense)
    check_values({'seeds': experiment.seeds})
    if experiment.calibration_batches < 1:
        raise InvalidValueError(
            'calibration_batches', experiment.calibration_batches, 'at least 1'
        )
    for name, variant in experiment.variants.items():
        check_variant(name, variant)
        _check_references(experiment, name, variant)
    _check_names(experiment)
    if experiment.transfer is not None:
        check_config(experiment.transfer.train)
        _check_transfer(experiment.dense, experiment.transfer.train)
    return replace(experiment, dense=_keeping_weights(experiment.dense, experiment.variants))


def _with_names(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the tree with names of its configurations, which have none in the file."""
    named, transfer = dict(tree), tree.get('transfer')
    if isinstance(tree.get('dense'), dict):
        named['dense'] = {'name': DENSE, **tree['dense']}
    if isinstance(transfer, dict) and isinstance(transfer.get('train'), dict):
        named['transfer'] = {**transfer, 'train': {'name': 'transfer', **transfer['train']}}
    return named


def _keeping_weights(dense: Config, variants: Mapping[str, Variant]) -> Config:
    """Return the dense run's configuration, with the steps to rewind to in `keep_steps`."""
    rewind_to = {v.rewind_to for v in variants.values() if v.weights == 'lth'}
    keep_steps = sorted(rewind_to.union(dense.train.keep_steps))
    return replace(dense, train=replace(dense.train, keep_steps=keep_steps))


def _check_references(experiment: Experiment, name: str, variant: Variant) -> None:
    """Raise UnknownNameError if a variant names pruning options or masks that do not exist."""
    for section, known in (('pruning', experiment.pruning), ('masks', experiment.masks)):
        chosen = getattr(variant, section)
        if chosen is not None and chosen not in known:
            raise UnknownNameError(f'value of variants.{name}.{section}', chosen, known)
    if variant.pruning is not None:
        variant.prune_options(experiment.pruning[variant.pruning], 1)


def _check_names(experiment: Experiment) -> None:
    """Raise if a name is invalid as a folder or not unique, or a transfer's source is unknown."""
    transfers = experiment.transfer.variants if experiment.transfer else {}
    for name in (*experiment.variants, *transfers):
        if not re.fullmatch(r'\w+', name) or name == DENSE:
            expected = f'names of letters, digits and _, other than {DENSE}'
            raise InvalidValueError('variants', name, expected)
    sources = (DENSE, *experiment.variants)
    for name, source in transfers.items():
        if name in experiment.variants:
            raise InvalidValueError('transfer.variants', name, 'a name that no variant has')
        if source is not None and source not in sources:
            raise UnknownNameError(f'value of transfer.variants.{name}', source, sources)


def _check_transfer(dense: Config, train: Config) -> None:
    """Raise if a transfer cannot start from the dense weights, or in the same process."""
    if _without_classes(dense) != _without_classes(train):
        expected = f'that of dense, {asdict(dense.model)}'
        raise InvalidValueError('transfer.train.model', asdict(train.model), expected)
    if dense.train.amp != train.train.amp:
        raise InvalidValueError('transfer.train.train.amp', train.train.amp, 'that of dense')


def _without_classes(config: Config) -> object:
    """Return the model without number of classes and initial weights, which may differ."""
    return replace(config.model, classes=None, pretrained=False)
