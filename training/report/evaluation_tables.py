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
"""Tables of shipped models from what `evaluate --json` printed, one file for each precision."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from training.report.table import ABSENT, markdown

DENSE = 'dense'
PRECISIONS = ('fp32', 'bf16', 'int8')
# precision -> what was printed
Evaluations = Mapping[str, Mapping[str, Any]]


def read_evaluations(folder: Path) -> Evaluations:
    """Read evaluate_PRECISION.json of a folder, those that there are."""
    paths = {name: folder / f'evaluate_{name}.json' for name in PRECISIONS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def model_table(results: Path) -> str:
    """
    Give mIoU in percent of every model that has evaluations below a folder, by precision.

    The network that a model was pruned from has its own in MODEL/dense.
    """
    found = {}
    for path in sorted(results.iterdir()):
        found[f'{path.name}, dense'] = read_evaluations(path / DENSE)
        found[path.name] = read_evaluations(path)
    rows = [
        (name, str(next(iter(known.values()))['images']), *(_miou(known, p) for p in PRECISIONS))
        for name, known in found.items()
        if known
    ]
    return markdown(('model', 'images', *(f'mIoU {p}' for p in PRECISIONS)), rows)


def iou_table(folder: Path) -> str:
    """Give the IoU of every class in percent, by precision, before them the dense network's."""
    dense = {f'dense {name}': known for name, known in read_evaluations(folder / DENSE).items()}
    known = {**dense, **read_evaluations(folder)}
    classes = next(iter(known.values()))['iou'] if known else {}
    rows = [(name, *(percent(known[p]['iou'][name]) for p in known)) for name in classes]
    return markdown(('class', *known), rows)


def _miou(known: Evaluations, precision: str) -> str:
    return percent(known[precision]['miou']) if precision in known else ABSENT


def percent(value: float | None) -> str:
    """Write a fraction of 1 in percent; a class that no picture has is absent."""
    return 'absent' if value is None else f'{100 * value:.2f}'


def fault_table(folder: Path) -> str:
    """
    Give mIoU in percent by fault and model, from files MODEL/ANY.json of `evaluate --json`.

    The faults stand in the order of the file names.
    """
    models = sorted(path for path in folder.iterdir() if path.is_dir())
    rows: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob('*/*.json'), key=lambda path: path.name):
        result = json.loads(path.read_text())
        fault = ', '.join(result.get('faults', ())) or 'none'
        rows.setdefault(fault, {})[path.parent.name] = percent(result['miou'])
    lines = [
        (fault, *(known.get(model.name, ABSENT) for model in models))
        for fault, known in rows.items()
    ]
    return markdown(('fault', *(model.name for model in models)), lines)
