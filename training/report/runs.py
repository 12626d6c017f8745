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


"""Read what finished runs measured; runs that differ in their seed alone are one arm."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
from training.run.folder import RunPaths

# What the other arms are made of.
DENSE = 'dense'


class NoResultsError(SwiftnetError):
    """A folder without a finished run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f'no finished run in {folder}: expected */result.json, which '
            '`python -m training lottery` writes'
        )


@dataclass(frozen=True)
class Run:
    """A finished run: its files, what it measured, its times and INT8 where there are any."""

    paths: RunPaths
    result: dict[str, Any]
    latency: dict[str, Any]
    quantized: dict[str, Any]

    def kept_channels(self) -> dict[str, list[int]]:
        """Give what is left of every pruned convolution's outputs, as the dense run counts."""
        result = self.result
        return {k: ids for k, ids in result['kept_channels'].items() if k in result['widths']}


@dataclass(frozen=True)
class Arm:
    """The runs of one name, by seed."""

    name: str
    runs: Sequence[Run]

    def mean(self, key: str) -> float:
        """Average a figure of the results over the seeds."""
        return sum(self.values(key)) / len(self.runs)

    def values(self, key: str) -> list[float]:
        """List a figure of the results by seed."""
        return [float(run.result[key]) for run in self.runs]

    def latency(self, key: str) -> float | None:
        """Average a figure of the times over the seeds; None unless all were measured."""
        return _mean_of_all([run.latency.get(key) for run in self.runs])

    def quantized(self, key: str) -> float | None:
        """Average a figure of INT8 over the seeds; None unless all were measured."""
        return _mean_of_all([run.quantized.get(key) for run in self.runs])

    def of_seed(self, seed: int) -> list[Run]:
        """Give the run of a seed, none where there is none."""
        return [run for run in self.runs if run.result['seed'] == seed]

    @property
    def seeds(self) -> list[int]:
        """List the seeds."""
        return [run.result['seed'] for run in self.runs]


def read_runs(folder: Path) -> list[Run]:
    """Read every run of a folder that has a result, by name of its own folder."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of runs')
    found = [RunPaths(path.parent) for path in sorted(folder.glob('*/result.json'))]
    if not found:
        raise NoResultsError(folder)
    return [_read_run(paths) for paths in found]


def _read_run(paths: RunPaths) -> Run:
    result = _read(paths.result)
    if result.get('miou') is None:
        raise InvalidValueError(f'{paths.result}: miou', None, 'a split with labels')
    more = (_read(path) if path.exists() else {} for path in (paths.latency, paths.quantized))
    return Run(paths, result, *more)


def arms_by_table(runs: Sequence[Run]) -> dict[str, list[Arm]]:
    """
    Put runs of one name together, and arms that can be compared into one table.

    Tables are named after the data set; runs that took over from another one have their own.
    The dense arm comes first, then the largest.
    """
    tables: dict[str, dict[str, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: int(run.result['seed'])):
        suffix = '_transfer' if run.result['weights'] == 'transfer' else ''
        arms = tables.setdefault(run.result['dataset'] + suffix, {})
        arms.setdefault(run.result['name'], []).append(run)
    return {
        title: sorted((Arm(name, found) for name, found in arms.items()), key=_order)
        for title, arms in sorted(tables.items())
    }


def _mean_of_all(values: Sequence[Any]) -> float | None:
    """Average the values; None where one is missing."""
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _order(arm: Arm) -> tuple[bool, float, str]:
    return arm.name != DENSE, -arm.mean('gmacs'), arm.name


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InvalidValueError(str(path), 'not JSON', 'what a run wrote') from error
    assert isinstance(content, dict)
    return content
