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

"""Read the results of finished runs; runs that differ only in their seed are one variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
from swiftnet_ros.system.json_reader import check_kinds, NUMBER, read_json_object
from training.experiments.result import read_result
from training.run.folder import RunPaths

# The variant that all others are pruned from.
DENSE = 'dense'
# What tables show of latency.json and quantize.json.
_MEASURED = {'fp32_ms', 'int8_ms', 'fp32_file_mb', 'int8_file_mb', 'miou_before', 'miou_after'}


class NoResultsError(SwiftnetError):
    """A folder without a finished run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f'no finished run in {folder}: expected */result.json, which '
            '`python -m training lottery` writes'
        )


@dataclass(frozen=True)
class RunResult:
    """A finished run: its files, metrics, latencies and INT8 metrics (empty if not measured)."""

    paths: RunPaths
    result: dict[str, Any]
    latency: dict[str, Any]
    quantized: dict[str, Any]

    def kept_channels(self) -> dict[str, list[int]]:
        """Return the kept output channels of every pruned convolution, as the dense run counts."""
        result = self.result
        return {k: ids for k, ids in result['kept_channels'].items() if k in result['widths']}


@dataclass(frozen=True)
class VariantResults:
    """The runs of one variant, sorted by seed."""

    name: str
    runs: Sequence[RunResult]

    def mean(self, key: str) -> float:
        """Return the mean of a metric over the seeds."""
        return sum(self.values(key)) / len(self.runs)

    def values(self, key: str) -> list[float]:
        """Return a metric of every seed."""
        return [float(run.result[key]) for run in self.runs]

    def latency(self, key: str) -> float | None:
        """Return the mean of a latency over the seeds; None unless all were measured."""
        return _mean_of_all([run.latency.get(key) for run in self.runs])

    def quantized(self, key: str) -> float | None:
        """Return the mean of an INT8 metric over the seeds; None unless all were measured."""
        return _mean_of_all([run.quantized.get(key) for run in self.runs])

    def class_iou(self, name: str) -> float | None:
        """Return the mean IoU of a class over the seeds that have it; None if none has."""
        values = [run.result['iou'][name] for run in self.runs]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def seeds(self) -> list[int]:
        """Return the seeds."""
        return [run.result['seed'] for run in self.runs]


def read_runs(folder: Path) -> list[RunResult]:
    """Read every run with a result in a folder; raise SwiftnetError if there is none."""
    if not folder.is_dir():
        raise FileMissingError(folder, 'folder of runs')
    found = [RunPaths(path.parent) for path in sorted(folder.glob('*/result.json'))]
    if not found:
        raise NoResultsError(folder)
    return [_read_run(paths) for paths in found]


def variants_by_table(runs: Sequence[RunResult]) -> dict[str, list[VariantResults]]:
    """
    Group runs by variant, and variants that are comparable by table.

    Tables are named after the dataset; runs transferred from another dataset have their own. The
    dense variant is first, the others follow by decreasing size.
    """
    tables: dict[str, dict[str, list[RunResult]]] = {}
    for run in sorted(runs, key=lambda run: int(run.result['seed'])):
        suffix = '_transfer' if run.result['weights'] == 'transfer' else ''
        table = tables.setdefault(run.result['dataset'] + suffix, {})
        table.setdefault(run.result['name'], []).append(run)
    results = {
        title: [VariantResults(name, found) for name, found in table.items()]
        for title, table in sorted(tables.items())
    }
    for variants in results.values():
        variants.sort(key=lambda item: (item.name != DENSE, -item.mean('gmacs'), item.name))
    return results


def _read_run(paths: RunPaths) -> RunResult:
    result = read_result(paths.result)
    if result.get('miou') is None:
        raise InvalidValueError(f'{paths.result}: miou', None, 'a split with labels')
    latency, quantized = (
        _read_measured(path) if path.exists() else {} for path in (paths.latency, paths.quantized)
    )
    return RunResult(paths, result, latency, quantized)


def _read_measured(path: Path) -> dict[str, Any]:
    measured = read_json_object(path, 'result')
    kinds = dict.fromkeys(_MEASURED & set(measured), (*NUMBER, type(None)))
    check_kinds(measured, kinds, f'result {path}')
    return measured


def _mean_of_all(values: Sequence[Any]) -> float | None:
    """Return the mean of the values; None if one is missing."""
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
