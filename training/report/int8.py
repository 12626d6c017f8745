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
"""What INT8 costs and gains each arm, where its run has been quantized and timed."""

from collections.abc import Sequence

from training.report.runs import Arm
from training.report.table import ABSENT, markdown

_HEAD = ('arm', 'mIoU FP32', 'mIoU INT8', 'points lost', 'FP32 ms', 'INT8 ms', 'speed-up')


def int8_table(arms: Sequence[Arm]) -> str:
    """
    Give a row for each arm; mIoU by the runtime on a whole split, mean over the seeds.

    Empty where no arm was quantized.
    """
    if not any(run.quantized for arm in arms for run in arm.runs):
        return ''
    return markdown(_HEAD, [_row(arm) for arm in arms])


def _row(arm: Arm) -> tuple[str, ...]:
    before, after = arm.quantized('miou_before'), arm.quantized('miou_after')
    float_ms, int8_ms = arm.latency('fp32_ms'), arm.latency('int8_ms')
    lost = None if before is None or after is None else 100 * (before - after)
    gain = None if float_ms is None or int8_ms is None else float_ms / int8_ms
    return (
        arm.name,
        _figure(before and 100 * before, 2),
        _figure(after and 100 * after, 2),
        _figure(lost, 2),
        _figure(float_ms, 1),
        _figure(int8_ms, 1),
        _figure(gain, 2),
    )


def _figure(value: float | None, digits: int) -> str:
    return ABSENT if value is None else f'{value:.{digits}f}'
