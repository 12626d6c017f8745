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


"""A YAML file that describes a family of arms: one dense run, what is pruned, what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
import re
from typing import Any, TypeVar

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from training.experiments.variant import check_variant, Variant
from training.pruning.masks import MaskOptions
from training.pruning.options import PruneOptions
from training.schema.config import Config, config_from_tree, load_tree
from training.schema.from_yaml import dataclass_from_tree


@dataclass(frozen=True)
class Transfer:
    """
    Runs on a second data set.

    `train` is their configuration; `arms` gives for each the run whose weights it starts from:
    dense, one of the family's arms, or null for random ones.
    """

    train: Config
    arms: Mapping[str, str | None]


@dataclass(frozen=True)
class _PlainTransfer:
    train: dict[str, Any]
    arms: dict[str, str | None] = field(default_factory=dict)


def transfer_from_tree(tree: dict[str, Any]) -> Transfer:
    """Make it from the section of a family's file."""
    plain = dataclass_from_tree(_PlainTransfer, tree, 'transfer.')
    return Transfer(config_from_tree({'name': 'transfer', **plain.train}), plain.arms)


T = TypeVar('T')
DENSE = 'dense'


@dataclass(frozen=True)
class Experiment:
    """
    Everything that a table of arms depends on, besides the folders of the data.

    Every arm trains as long as `dense` does, on the same views in the same order.
    `calibration_batches` training batches feed the criteria that need data.
    """

    name: str
    dense: Config
    arms: Mapping[str, Variant]
    pruning: Mapping[str, PruneOptions] = field(default_factory=dict)
    masks: Mapping[str, MaskOptions] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    calibration_batches: int = 8
    transfer: Transfer | None = None


@dataclass(frozen=True)
class _Plain:
    """The file as it is; what is a mapping of named things is built one by one."""

    name: str
    dense: dict[str, Any]
    arms: dict[str, Any]
    pruning: dict[str, Any] = field(default_factory=dict)
    masks: dict[str, Any] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=lambda: [0])
    calibration_batches: int = 8
    transfer: dict[str, Any] | None = None


def load_experiment(path: Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Read a family strictly; `overrides` are 'section.key=value' strings."""
    return experiment_from_tree(load_tree(path, overrides))


def experiment_from_tree(tree: dict[str, Any]) -> Experiment:
    """Make a family from plain dictionaries; refuse unknown keys and impossible values."""
    plain = dataclass_from_tree(_Plain, tree)
    if not plain.seeds or min(plain.seeds) < 0:
        raise InvalidValueError('seeds', plain.seeds, 'one or more numbers of 0 or more')
    if plain.calibration_batches < 1:
        raise InvalidValueError('calibration_batches', plain.calibration_batches, '1 or more')
    arms = _named(Variant, 'arms', plain.arms)
    family = Experiment(
        name=plain.name,
        dense=_dense(plain.dense, arms),
        arms=arms,
        pruning=_named(PruneOptions, 'pruning', plain.pruning),
        masks=_named(MaskOptions, 'masks', plain.masks),
        seeds=tuple(plain.seeds),
        calibration_batches=plain.calibration_batches,
        transfer=_transfer(plain.transfer),
    )
    for name, arm in arms.items():
        check_variant(name, arm)
        _check_references(family, name, arm)
    _check_runs(family)
    return family


def _named(kind: type[T], section: str, tree: dict[str, Any]) -> dict[str, T]:
    return {
        name: dataclass_from_tree(kind, value, f'{section}.{name}.')
        for name, value in tree.items()
    }


def _dense(tree: dict[str, Any], arms: Mapping[str, Variant]) -> Config:
    """Read the training configuration and have it keep what the arms rewind to."""
    config = config_from_tree({'name': DENSE, **tree})
    wanted = {arm.rewind_to for arm in arms.values() if arm.weights == 'lth'}
    kept = sorted(wanted.union(config.train.keep_steps))
    return replace(config, train=replace(config.train, keep_steps=kept))


def _transfer(tree: dict[str, Any] | None) -> Transfer | None:
    return None if tree is None else transfer_from_tree(tree)


def _check_references(family: Experiment, name: str, arm: Variant) -> None:
    """Refuse an arm that names pruning or masks that are not there."""
    for what, known in (('pruning', family.pruning), ('masks', family.masks)):
        chosen = getattr(arm, what)
        if chosen is not None and chosen not in known:
            raise UnknownNameError(f'value of arms.{name}.{what}', chosen, known)
    if arm.pruning is not None:
        arm.prune_options(family.pruning[arm.pruning], 1)


def _check_runs(family: Experiment) -> None:
    """Refuse names that are no folders or name two runs, and transfers from nowhere."""
    transfers = family.transfer.arms if family.transfer else {}
    for name in (*family.arms, *transfers):
        if not re.fullmatch(r'\w+', name) or name == DENSE:
            raise InvalidValueError('arms', name, f'names of letters, digits and _, not {DENSE}')
    sources = (DENSE, *family.arms)
    for name, source in transfers.items():
        if name in family.arms:
            raise InvalidValueError('transfer.arms', name, 'a name that no arm has')
        if source is not None and source not in sources:
            raise UnknownNameError(f'value of transfer.arms.{name}', source, sources)
    if family.transfer:
        _check_transfer(family.dense, family.transfer.train)


def _check_transfer(dense: Config, train: Config) -> None:
    """Refuse what one process cannot train after the dense run, or not from its weights."""
    if not _same_network(dense, train):
        expected = f'that of dense, {asdict(dense.model)}'
        raise InvalidValueError('transfer.train.model', asdict(train.model), expected)
    if dense.train.amp != train.train.amp:
        raise InvalidValueError('transfer.train.train.amp', train.train.amp, 'that of dense')


def _same_network(one: Config, other: Config) -> bool:
    """Tell whether two configurations differ in classes and first weights alone."""
    return replace(one.model, classes=None, pretrained=False) == replace(
        other.model, classes=None, pretrained=False
    )
