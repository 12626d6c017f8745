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

"""Markdown tables: variants of an experiment, files of `evaluate --json`, a published table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import InvalidValueError, listing
from swiftnet_ros.system.json_reader import check_kinds, NUMBER, read_json_object
from swiftnet_ros.text import safe_text
from training.profiling.tables import JsonTree, markdown_table
from training.report.runs import VariantResults
from training.schema.from_yaml import dataclass_from_tree

_CLEAN = 'none'
NOT_MEASURED = 'not measured'
NO_PIXELS = 'absent'
_HEAD = ('variant', 'parameters', 'GMACs', 'mIoU', 'spread')
_LATENCY_HEAD = ('engine MB FP32 / INT8', 'FP32 ms', 'INT8 ms')
_INT8_HEAD = ('variant', 'mIoU FP32', 'mIoU INT8', 'points lost', 'FP32 ms', 'INT8 ms', 'speed-up')
_REFERENCE_HEAD = (
    'row',
    'reference: parameters',
    'GMACs',
    'mIoU',
    'below full',
    'speed-up',
    'ours: parameters',
    'GMACs',
    'mIoU',
    'below full',
    'FP32 speed-up',
)
DENSE_FOLDER = 'dense'
PRECISIONS = ('fp32', 'bf16', 'int8')
# precision -> content of its file
Evaluations = Mapping[str, Mapping[str, Any]]


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with a fixed count of decimals."""
    return NOT_MEASURED if value is None else f'{value:.{digits}f}'


def class_percent(iou: float | None, digits: int = 2) -> str:
    """Return the IoU of a class in percent; None is a class that no image has."""
    return NO_PIXELS if iou is None else f'{100 * iou:.{digits}f}'


def grouped(count: float) -> str:
    """Return a count with spaces between its thousands."""
    return f'{round(count):,}'.replace(',', ' ')


def variant_table(variants: Sequence[VariantResults]) -> str:
    """Return a row per variant: size, mIoU in percent over the seeds, latency if measured."""
    if not any(run.latency for variant in variants for run in variant.runs):
        return markdown_table(_HEAD, [_metrics(variant) for variant in variants])
    rows = [(*_metrics(variant), *_latencies(variant)) for variant in variants]
    return markdown_table((*_HEAD, *_LATENCY_HEAD), rows)


def class_table(variants: Sequence[VariantResults]) -> str:
    """Return the IoU of every class in percent, the mean over the seeds."""
    classes = list(variants[0].runs[0].result['iou'])
    rows = [
        (variant.name, *(class_percent(variant.class_iou(name), 1) for name in classes))
        for variant in variants
    ]
    return markdown_table(('variant', *classes), rows)


def int8_table(variants: Sequence[VariantResults]) -> str:
    """
    Return a row per variant: mIoU of the runtime on a whole split, the mean over the seeds.

    Empty if no variant was quantized.
    """
    if not any(run.quantized for variant in variants for run in variant.runs):
        return ''
    return markdown_table(_INT8_HEAD, [_int8_row(variant) for variant in variants])


def budget(variants: Sequence[VariantResults]) -> str:
    """Return a sentence with the data, epochs and seeds of a table."""
    result = variants[0].runs[0].result
    height, width = result['size']
    epochs = sorted({run.result['epochs'] for variant in variants for run in variant.runs})
    seeds = sorted({seed for variant in variants for seed in variant.seeds})
    iterative = [item.name for item in variants if item.runs[0].result.get('rounds', 1) > 1]
    rounds = f' In each of several rounds: {", ".join(iterative)}.' if iterative else ''
    return (
        f'{result["dataset"]}, {result["images"]} images of split {result["split"]}, '
        f'{width}x{height}. Epochs: {listing(epochs)}.{rounds} Seeds: {listing(seeds)}. '
        f'Spread: largest minus smallest mIoU. GMACs at {width}x{height} as counted by '
        '`python -m training count`.'
    )


def _metrics(variant: VariantResults) -> tuple[str, ...]:
    mious = variant.values('miou')
    spread = number(100 * (max(mious) - min(mious))) if len(mious) > 1 else 'one seed'
    return (
        variant.name,
        _parameters(variant),
        number(variant.mean('gmacs')),
        number(100 * variant.mean('miou')),
        spread,
    )


def _parameters(variant: VariantResults) -> str:
    """Return the number of parameters, and of those that masks did not set to zero."""
    counts = [variant.mean('params')]
    if variant.runs[0].result.get('masks'):
        counts.append(variant.mean('params_not_zero'))
    return ', not zero '.join(grouped(count) for count in counts)


def _latencies(variant: VariantResults) -> tuple[str, ...]:
    float_mb, int8_mb, float_ms, int8_ms = (
        number(variant.latency(key), 1)
        for key in ('fp32_file_mb', 'int8_file_mb', 'fp32_ms', 'int8_ms')
    )
    return f'{float_mb} / {int8_mb}', float_ms, int8_ms


def _int8_row(variant: VariantResults) -> tuple[str, ...]:
    before, after = variant.quantized('miou_before'), variant.quantized('miou_after')
    float_ms, int8_ms = variant.latency('fp32_ms'), variant.latency('int8_ms')
    lost = None if before is None or after is None else 100 * (before - after)
    speed_up = None if float_ms is None or int8_ms is None else float_ms / int8_ms
    return (
        variant.name,
        number(before and 100 * before),
        number(after and 100 * after),
        number(lost),
        number(float_ms, 1),
        number(int8_ms, 1),
        number(speed_up),
    )


def read_evaluations(folder: Path) -> Evaluations:
    """Read the files evaluate_PRECISION.json that a folder has."""
    paths = {name: folder / f'evaluate_{name}.json' for name in PRECISIONS}
    return {name: read_evaluation(path) for name, path in paths.items() if path.is_file()}


def read_evaluation(path: Path) -> dict[str, Any]:
    """Read a file of `evaluate --json`; InvalidTextError for another one."""
    content, name = read_json_object(path, 'evaluation'), f'evaluation {path}'
    check_kinds(content, {'images': int, 'miou': (*NUMBER, type(None)), 'iou': dict}, name)
    check_kinds(content['iou'], dict.fromkeys(content['iou'], (*NUMBER, type(None))), name)
    return content


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
            *(
                class_percent(evaluations[name]['miou']) if name in evaluations else NOT_MEASURED
                for name in PRECISIONS
            ),
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
        (name, *(class_percent(content['iou'].get(name)) for content in columns.values()))
        for name in classes
    ]
    return markdown_table(('class', *columns), rows)


def corruption_table(folder: Path) -> str:
    """
    Return the mIoU in percent by corruption and model, from files MODEL/ANY.json.

    With it are the points that a corruption costs the model, if it was evaluated on clean images
    too. Corruptions are in the order of the file names, and of `evaluate --corruption all`.
    """
    models = sorted(path.name for path in folder.iterdir() if path.is_dir())
    mious: dict[str, dict[str, float | None]] = {}
    for path in sorted(folder.glob('*/*.json'), key=lambda path: path.name):
        for corruption, miou in corrupted_mious(path):
            mious.setdefault(corruption, {})[path.parent.name] = miou
    clean = mious.get(_CLEAN, {})
    rows = [
        (
            corruption,
            *(
                _miou_and_loss(by_model[model], None if corruption == _CLEAN else clean.get(model))
                if model in by_model
                else NOT_MEASURED
                for model in models
            ),
        )
        for corruption, by_model in mious.items()
    ]
    return markdown_table(('corruption', *models), rows)


def corrupted_mious(path: Path) -> list[tuple[str, float | None]]:
    """Return the corruptions of a file of `evaluate --json` with the mIoU of each."""
    result, name = read_json_object(path, 'evaluation'), f'evaluation {path}'
    others = result.get('corruptions') or []
    check_kinds({'corruptions': others}, {'corruptions': list}, name)
    mious = []
    for item in (result, *others):
        check_kinds({'result': item}, {'result': dict}, name)
        check_kinds(item, {'miou': (*NUMBER, type(None))}, name)
        names = (safe_text(str(name)) for name in item.get('faults') or ())
        mious.append((', '.join(names) or _CLEAN, item['miou']))
    return mious


def _miou_and_loss(miou: float | None, clean: float | None) -> str:
    text = class_percent(miou)
    return text if miou is None or clean is None else f'{text} ({100 * (miou - clean):+.2f})'


@dataclass(frozen=True)
class ReferenceTable:
    """A published table; its first row is the full network. mIoU is in percent."""

    source: str
    data: str
    device: str
    rows: Sequence[JsonTree]


def read_reference(path: Path) -> ReferenceTable:
    """Read a published table, copied by hand into JSON."""
    what = 'reference table'
    table = dataclass_from_tree(ReferenceTable, read_json_object(path, what), f'{path}.')
    for row in table.rows:
        check_kinds(row, {'row': str, 'arm': (str, list), 'miou': NUMBER}, f'{what} {path}')
    if not table.rows:
        raise InvalidValueError(f'{path}: rows', [], 'at least the full network')
    return table


def comparison_table(variants: Sequence[VariantResults], reference: ReferenceTable) -> str:
    """Return each row of the reference with the variant that its key `arm` names."""
    ours = {variant.name: variant for variant in variants}
    full = reference.rows[0]
    our_full = _find_variant(ours, full)
    rows = [
        _reference_cells(row, full) + _our_cells(_find_variant(ours, row), our_full)
        for row in reference.rows
    ]
    origin = f'Reference: {reference.data}, {reference.device}.'
    return f'{markdown_table(_REFERENCE_HEAD, rows)}\n\n{origin}'


def _reference_cells(row: JsonTree, full: JsonTree) -> tuple[str, ...]:
    loss = full['miou'] - row['miou']
    speed_up = row['fps'] / full['fps'] if row.get('fps') and full.get('fps') else None
    params = row.get('params')
    return (
        row['row'],
        NOT_MEASURED if params is None else grouped(params),
        number(row.get('gmacs')),
        number(row['miou']),
        '' if row is full else number(loss),
        '' if row is full else number(speed_up),
    )


def _find_variant(variants: Mapping[str, VariantResults], row: JsonTree) -> VariantResults | None:
    """Return the first existing variant of those that a row names."""
    names = [row['arm']] if isinstance(row['arm'], str) else row['arm']
    return next((variants[name] for name in names if name in variants), None)


def _our_cells(variant: VariantResults | None, full: VariantResults | None) -> tuple[str, ...]:
    if variant is None:
        return (NOT_MEASURED,) * 5
    miou = 100 * variant.mean('miou')
    loss = None if full is None else 100 * full.mean('miou') - miou
    slow, fast = full and full.latency('fp32_ms'), variant.latency('fp32_ms')
    speed_up = slow / fast if slow and fast else None
    return (
        grouped(variant.mean('params')),
        number(variant.mean('gmacs')),
        number(miou),
        '' if variant is full else number(loss),
        '' if variant is full else number(speed_up),
    )
