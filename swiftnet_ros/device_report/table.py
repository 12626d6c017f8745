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

"""The report of a device in Markdown: mIoU and FPS of models by precision."""

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

DeviceReportTree = Dict[str, Any]
_COLUMNS = {'fp32': 'FP32', 'fp16': 'FP16', 'bf16': 'bf16', 'int8': 'INT8'}
_NONE = '-'


@dataclass(frozen=True)
class DeviceMeasurement:
    """
    A model in one precision and the report of its benchmark, None if there is a `failure`.

    `int8_mode` is explicit or implicit for INT8, empty for other precisions.
    """

    model: str
    precision: str
    int8_mode: str = ''
    file: str = ''
    report: Optional[DeviceReportTree] = None
    build: DeviceReportTree = field(default_factory=dict)
    failure: Optional[str] = None

    def to_tree(self) -> DeviceReportTree:
        """Return the fields by their keys in report.json."""
        keys = {'int8_mode': 'way'}
        return {keys.get(name, name): value for name, value in asdict(self).items()}


def to_markdown(measured: Sequence[DeviceMeasurement], facts: Mapping[str, str]) -> str:
    """Return both tables, the failures and the device as Markdown."""
    precisions = list(dict.fromkeys(item.precision for item in measured))
    models = list(dict.fromkeys(item.model for item in measured))
    heads = [f'{_COLUMNS[name]} mIoU | FPS' for name in precisions]
    lines = [f'| model | {" | ".join(heads)} |', '|---' * (1 + 2 * len(heads)) + '|']
    for model in models:
        cells = [_cell([item for item in measured if (item.model, item.precision) == (model, p)])
                 for p in precisions]  # fmt: skip
        lines.append(f'| {model} | {" | ".join(cells)} |')
    lines += ['', 'mIoU in percent; FPS from image to labels, one image at a time.']
    lines += ['Of explicit and implicit INT8 the faster one is shown.', '', *_details(measured)]
    failures = [item for item in measured if item.failure is not None]
    if failures:
        lines += ['', 'Not measured:', '']
        lines += [f'- {_title(item)}: {item.failure}' for item in failures]
    lines += ['', *(f'- {name}: {value}' for name, value in facts.items())]
    return '\n'.join(lines) + '\n'


def fastest(measured: Sequence[DeviceMeasurement]) -> Optional[DeviceMeasurement]:
    """Return the measurement with the highest FPS, None if all failed."""
    done = [item for item in measured if item.report is not None]
    return max(done, key=lambda item: float((item.report or {})['fps']), default=None)


def _cell(measured: Sequence[DeviceMeasurement]) -> str:
    best = fastest(measured)
    if best is None or best.report is None:
        return f'{_NONE} | {_NONE}'
    return f'{_percent(best.report["miou"])} | {best.report["fps"]:.1f}'


def _details(measured: Sequence[DeviceMeasurement]) -> List[str]:
    lines = [
        '| model | used precision | mIoU | FPS | p50 ms | p95 ms | build s |',
        '|---' * 7 + '|',
    ]
    for item in measured:
        if item.report is not None:
            lines.append(_detail(item, item.report))
    return lines


def _detail(item: DeviceMeasurement, report: DeviceReportTree) -> str:
    seconds = item.build.get('build_seconds')
    cells = [
        _title(item),
        str(report['precision']),
        _percent(report['miou']),
        f'{report["fps"]:.1f}',
        f'{report["p50_ms"]:.2f}',
        f'{report["p95_ms"]:.2f}',
        _NONE if seconds is None else f'{seconds:.0f}',
    ]
    return f'| {" | ".join(cells)} |'


def _title(item: DeviceMeasurement) -> str:
    words = (item.model, _COLUMNS[item.precision], item.int8_mode)
    return ' '.join(word for word in words if word)


def _percent(miou: Optional[float]) -> str:
    return _NONE if miou is None else f'{100 * miou:.2f}'
