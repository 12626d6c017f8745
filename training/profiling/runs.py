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

"""Measure every finished run below a folder in one go, and write latency.json into each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.errors import EngineUnavailableError, FileMissingError
from swiftnet_ros.system.files import write_json
from swiftnet_ros.system.image_size import Size
from training.profiling.cases import Case, make_cases, PRECISIONS, quantized_file
from training.profiling.measure import measure_cases
from training.profiling.tables import JsonTree
from training.profiling.timing import ProfilingOptions
from training.run.folder import RunPaths

_TRAINED = RunPaths(Path()).trained.name


def measure_runs(root: Path, size: Size | None, options: ProfilingOptions) -> list[Path]:
    """
    Write latency.json next to every trained.pt below `root`, all from one interleaved run.

    `size` is None for each run's own. Earlier rounds of a run are skipped. Speed-ups are over
    the run with the most multiply-adds; a precision that the CPU or the run lacks is null.
    """
    # The folder of an earlier round is in the folder of its run.
    runs = sorted(
        path.parent
        for path in root.rglob(_TRAINED)
        if not RunPaths(path.parent.parent).trained.exists()
    )
    if not runs:
        raise FileMissingError(root / '...' / _TRAINED, 'finished run')
    with TemporaryDirectory() as folder:
        per_run = [
            _cases(run, root, size, Path(folder) / str(index)) for index, run in enumerate(runs)
        ]
        # Others are compared with the first.
        per_run.sort(key=lambda cases: -cases[0].gmacs.total)
        available = _available_precisions(per_run[0])
        cases = [case for group in per_run for case in group if case.precision in available]
        result = measure_cases(cases, options)
    return [_write(run, str(run.relative_to(root)), result) for run in runs]


def _cases(run: Path, root: Path, size: Size | None, folder: Path) -> list[Case]:
    checkpoint = run / _TRAINED
    has_int8 = quantized_file(checkpoint).is_file()
    precisions = [name for name in PRECISIONS if name != 'int8' or has_int8]
    folder.mkdir()
    cases = make_cases([checkpoint], [size] if size else [], precisions, folder)
    return [replace(case, model=str(run.relative_to(root))) for case in cases]


def _available_precisions(cases: Sequence[Case]) -> set[str]:
    """Return the precisions that this CPU supports."""
    available = set(PRECISIONS)
    for case in cases:
        try:
            OpenVinoBackend.from_path(case.path, case.precision).close()
        except EngineUnavailableError:
            available.remove(case.precision)
    return available


def _write(run: Path, name: str, result: JsonTree) -> Path:
    cases = {case['precision']: case for case in result['cases'] if case['model'] == name}
    pairs = {
        pair['of']['precision']: pair
        for pair in result['pairs']
        if pair['over']['model'] == name != pair['of']['model']
    }
    path = RunPaths(run).latency
    write_json(path, _facts(cases, pairs, result), indent=1)
    return path


def _facts(
    cases: Mapping[str, JsonTree], pairs: Mapping[str, JsonTree], result: JsonTree
) -> dict[str, Any]:
    """Return the measurements of one run as one flat object; the reference's ratios are 1."""
    float_case, reference = cases['fp32'], result['cases'][0]['model']
    is_reference = float_case['model'] == reference
    ones = {'speed_up': 1.0, 'gmac_ratio': 1.0, 'realised': 1.0} if is_reference else {}
    facts: dict[str, Any] = {'size': [float_case['height'], float_case['width']]}
    for precision in PRECISIONS:
        case = cases.get(precision)
        pair = pairs.get(precision, ones if case else {})
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
        'gmac_ratio': pairs.get('fp32', ones).get('gmac_ratio'),
        'threads': machine['threads'],
        'repeats': result['repeats'],
        'cpu': machine['cpu'],
    }
