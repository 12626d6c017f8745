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


"""The Markdown table of arms; figures that nobody measured say so."""

from collections.abc import Sequence

from training.report.runs import Arm

ABSENT = 'not measured'
_HEAD = ('arm', 'parameters', 'GMACs', 'mIoU', 'spread')
_MEASURED = ('engine MB FP32 / INT8', 'FP32 ms', 'INT8 ms')


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ('---',) * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def arm_table(arms: Sequence[Arm]) -> str:
    """Give a row for each arm: sizes, mIoU in percent over the seeds, times if there are any."""
    if not any(run.latency for arm in arms for run in arm.runs):
        return markdown(_HEAD, [_row(arm) for arm in arms])
    return markdown((*_HEAD, *_MEASURED), [(*_row(arm), *_times(arm)) for arm in arms])


def class_table(arms: Sequence[Arm]) -> str:
    """Give the IoU of every class in percent, the mean over the seeds that have the class."""
    classes = list(arms[0].runs[0].result['iou'])
    rows = [(arm.name, *(_class_iou(arm, name) for name in classes)) for arm in arms]
    return markdown(('arm', *classes), rows)


def budget(arms: Sequence[Arm]) -> str:
    """Say what data, how many epochs and which seeds are behind a table."""
    result = arms[0].runs[0].result
    height, width = result['size']
    epochs = sorted({run.result['epochs'] for arm in arms for run in arm.runs})
    seeds = sorted({seed for arm in arms for seed in arm.seeds})
    rounds = [arm.name for arm in arms if arm.runs[0].result.get('rounds', 1) > 1]
    several = f' That often in each round: {", ".join(rounds)}.' if rounds else ''
    return (
        f'{result["dataset"]}, {result["images"]} images of split {result["split"]}, '
        f'{width}x{height}. Epochs: {_listed(epochs)}.{several} Seeds: {_listed(seeds)}. '
        f'Spread: largest less smallest mIoU. GMACs at {width}x{height} by the rule of '
        '`python -m training count`.'
    )


def mean_iou(arm: Arm, name: str) -> float | None:
    """Average a class's IoU over the seeds; None where no picture has the class."""
    values = [run.result['iou'][name] for run in arm.runs]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _row(arm: Arm) -> tuple[str, ...]:
    values = arm.values('miou')
    spread = f'{100 * (max(values) - min(values)):.2f}' if len(values) > 1 else 'one seed'
    return (
        arm.name,
        _parameters(arm),
        f'{arm.mean("gmacs"):.2f}',
        f'{100 * arm.mean("miou"):.2f}',
        spread,
    )


def _times(arm: Arm) -> tuple[str, ...]:
    return (
        f'{_figure(arm, "fp32_file_mb")} / {_figure(arm, "int8_file_mb")}',
        _figure(arm, 'fp32_ms'),
        _figure(arm, 'int8_ms'),
    )


def _parameters(arm: Arm) -> str:
    """Count parameters, and beside them those that masks left."""
    counts = [arm.mean('params')]
    if arm.runs[0].result.get('masks'):
        counts.append(arm.mean('params_not_zero'))
    words = [f'{round(count):,}'.replace(',', ' ') for count in counts]
    return ', not zero '.join(words)


def _figure(arm: Arm, key: str) -> str:
    value = arm.latency(key)
    return ABSENT if value is None else f'{value:.1f}'


def _class_iou(arm: Arm, name: str) -> str:
    value = mean_iou(arm, name)
    return 'absent' if value is None else f'{100 * value:.1f}'


def _listed(values: Sequence[int]) -> str:
    return ', '.join(str(value) for value in values)


_INT8_HEAD = ('arm', 'mIoU FP32', 'mIoU INT8', 'points lost', 'FP32 ms', 'INT8 ms', 'speed-up')


def int8_table(arms: Sequence[Arm]) -> str:
    """
    Give a row for each arm; mIoU by the runtime on a whole split, mean over the seeds.

    Empty where no arm was quantized.
    """
    if not any(run.quantized for arm in arms for run in arm.runs):
        return ''
    return markdown(_INT8_HEAD, [_int8_row(arm) for arm in arms])


def _int8_row(arm: Arm) -> tuple[str, ...]:
    before, after = arm.quantized('miou_before'), arm.quantized('miou_after')
    float_ms, int8_ms = arm.latency('fp32_ms'), arm.latency('int8_ms')
    lost = None if before is None or after is None else 100 * (before - after)
    gain = None if float_ms is None or int8_ms is None else float_ms / int8_ms
    return (
        arm.name,
        _number(before and 100 * before, 2),
        _number(after and 100 * after, 2),
        _number(lost, 2),
        _number(float_ms, 1),
        _number(int8_ms, 1),
        _number(gain, 2),
    )


def _number(value: float | None, digits: int) -> str:
    return ABSENT if value is None else f'{value:.{digits}f}'
