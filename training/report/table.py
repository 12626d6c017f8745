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

"""Markdown tables of an experiment's variants: metrics, classes, INT8."""

from collections.abc import Sequence

from training.profiling.tables import markdown_table
from training.report.runs import VariantResults

NOT_MEASURED = 'not measured'
NO_PIXELS = 'absent'
_HEAD = ('variant', 'parameters', 'GMACs', 'mIoU', 'spread')
_LATENCY_HEAD = ('engine MB FP32 / INT8', 'FP32 ms', 'INT8 ms')
_INT8_HEAD = ('variant', 'mIoU FP32', 'mIoU INT8', 'points lost', 'FP32 ms', 'INT8 ms', 'speed-up')


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
        f'{width}x{height}. Epochs: {_listed(epochs)}.{rounds} Seeds: {_listed(seeds)}. '
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


def _listed(values: Sequence[int]) -> str:
    return ', '.join(str(value) for value in values)
