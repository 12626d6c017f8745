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


"""Measure every finished run below a folder in one go and leave the figures beside each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from swiftnet_ros.backends.openvino.engine import OpenVinoEngine
from swiftnet_ros.errors import EngineUnavailableError, FileMissingError
from training.profiling.cases import Case, cases_of, PRECISIONS, quantized_file, Size
from training.profiling.measure import bench, BenchOptions
from training.run.folder import RunPaths

_TRAINED = RunPaths(Path()).trained.name


def bench_runs(root: Path, size: Size | None, options: BenchOptions) -> list[Path]:
    """
    Write latency.json beside every trained.pt below `root`, all from one interleaved run.

    `size` is None for each run's own. Earlier rounds of a run are left out. Ratios are against
    the run with the most multiply-adds; a precision that the CPU or the run does not have is
    null.
    """
    runs = sorted(path.parent for path in root.rglob(_TRAINED) if not _is_round(path.parent))
    if not runs:
        raise FileMissingError(root / '...' / _TRAINED, 'finished run')
    with TemporaryDirectory() as folder:
        per_run = [
            _cases(run, root, size, Path(folder) / str(index)) for index, run in enumerate(runs)
        ]
        # The first model is what `bench` compares the others with.
        per_run.sort(key=lambda cases: -cases[0].gmacs.seminar)
        here = _precisions_here(per_run[0])
        cases = [case for group in per_run for case in group if case.precision in here]
        result = bench(cases, options)
    return [_write(run, str(run.relative_to(root)), result) for run in runs]


def _is_round(folder: Path) -> bool:
    """Tell whether this is only a step on the way to the run around it."""
    return RunPaths(folder.parent).trained.exists()


def _cases(run: Path, root: Path, size: Size | None, folder: Path) -> list[Case]:
    checkpoint = run / _TRAINED
    has_int8 = quantized_file(checkpoint).is_file()
    precisions = [name for name in PRECISIONS if name != 'int8' or has_int8]
    folder.mkdir()
    found = cases_of([checkpoint], [size] if size else [], precisions, folder)
    return [replace(case, model=str(run.relative_to(root))) for case in found]


def _precisions_here(cases: Sequence[Case]) -> set[str]:
    """Leave out what this CPU does not compute in."""
    here = set(PRECISIONS)
    for case in cases:
        try:
            OpenVinoEngine(case.path, case.engine_precision).close()
        except EngineUnavailableError:
            here.remove(case.precision)
    return here


def _write(run: Path, name: str, result: Mapping[str, Any]) -> Path:
    cases = {case['precision']: case for case in result['cases'] if case['model'] == name}
    pairs = {
        pair['of']['precision']: pair
        for pair in result['pairs']
        if pair['over']['model'] == name != pair['of']['model']
    }
    path = RunPaths(run).latency
    path.write_text(json.dumps(_facts(cases, pairs, result), indent=1) + '\n')
    return path


def _facts(
    cases: Mapping[str, Any], pairs: Mapping[str, Any], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Flatten what was measured of one run; the reference is as fast as itself."""
    float_case, reference = cases['fp32'], result['cases'][0]['model']
    itself = float_case['model'] == reference
    alone = {'speed_up': 1.0, 'gmac_ratio': 1.0, 'realised': 1.0} if itself else {}
    facts: dict[str, Any] = {'size': [float_case['height'], float_case['width']]}
    for precision in PRECISIONS:
        case = cases.get(precision)
        pair = pairs.get(precision, alone if case else {})
        facts[f'{precision}_ms'] = case and case['engine_ms']['median']
        facts[f'{precision}_p95_ms'] = case and case['engine_ms']['p95']
        facts[f'{precision}_speed_up'] = pair.get('speed_up')
        facts[f'{precision}_realised'] = pair.get('realised')
    quantized, machine = cases.get('int8'), result['machine']
    return {
        **facts,
        'fp32_file_mb': float_case['file_mb'],
        'int8_file_mb': quantized and quantized['file_mb'],
        'gmacs': float_case['gmacs'],
        'conv_gmacs': float_case['conv_gmacs'],
        'reference': reference,
        'gmac_ratio': pairs.get('fp32', alone).get('gmac_ratio'),
        'threads': machine['threads'],
        'repeats': result['repeats'],
        'cpu': machine['cpu'],
    }
