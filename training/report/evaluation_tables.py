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

"""Markdown tables of `evaluate --json` files: models by precision, classes, corruptions."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from training.profiling.tables import markdown_table
from training.report.table import class_percent, NOT_MEASURED

DENSE_FOLDER = 'dense'
PRECISIONS = ('fp32', 'bf16', 'int8')
# precision -> content of its file
Evaluations = Mapping[str, Mapping[str, Any]]


def read_evaluations(folder: Path) -> Evaluations:
    """Read the files evaluate_PRECISION.json that a folder has."""
    paths = {name: folder / f'evaluate_{name}.json' for name in PRECISIONS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def model_table(results: Path) -> str:
    """
    Return the mIoU in percent of every evaluated model below a folder, by precision.

    The evaluations of the network before pruning are in MODEL/dense.
    """
    models = {}
    for path in sorted(results.iterdir()):
        models[f'{path.name}, dense'] = read_evaluations(path / DENSE_FOLDER)
        models[path.name] = read_evaluations(path)
    rows = [
        (
            name,
            str(next(iter(evaluations.values()))['images']),
            *(_miou(evaluations, precision) for precision in PRECISIONS),
        )
        for name, evaluations in models.items()
        if evaluations
    ]
    head = ('model', 'images', *(f'mIoU {precision}' for precision in PRECISIONS))
    return markdown_table(head, rows)


def iou_table(folder: Path) -> str:
    """Return the IoU of every class in percent, by precision, the dense network's first."""
    dense = read_evaluations(folder / DENSE_FOLDER)
    columns = {
        **{f'dense {precision}': content for precision, content in dense.items()},
        **read_evaluations(folder),
    }
    classes = next(iter(columns.values()))['iou'] if columns else {}
    rows = [
        (name, *(class_percent(content['iou'][name]) for content in columns.values()))
        for name in classes
    ]
    return markdown_table(('class', *columns), rows)


def corruption_table(folder: Path) -> str:
    """
    Return the mIoU in percent by corruption and model, from files MODEL/ANY.json.

    Corruptions are in the order of the file names.
    """
    models = sorted(path.name for path in folder.iterdir() if path.is_dir())
    mious: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob('*/*.json'), key=lambda path: path.name):
        result = json.loads(path.read_text())
        corruption = ', '.join(result.get('faults', ())) or 'none'
        mious.setdefault(corruption, {})[path.parent.name] = class_percent(result['miou'])
    rows = [
        (corruption, *(by_model.get(model, NOT_MEASURED) for model in models))
        for corruption, by_model in mious.items()
    ]
    return markdown_table(('corruption', *models), rows)


def _miou(evaluations: Evaluations, precision: str) -> str:
    if precision not in evaluations:
        return NOT_MEASURED
    return class_percent(evaluations[precision]['miou'])
