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


"""How figures and tables of a bench are written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOTHING = '-'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def ms(value: float | None) -> str:
    """Write milliseconds with three digits that mean something."""
    if value is None:
        return NOTHING
    return f'{value:.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def ratio(value: float | None) -> str:
    """Write a ratio, or a count of about its size."""
    return NOTHING if value is None else f'{value:.2f}'


def megabytes(value: float | None) -> str:
    """Write a size in 1e6 bytes."""
    return NOTHING if value is None else f'{value:.0f}' if value >= 100 else f'{value:.1f}'


def name_of(case: Mapping[str, Any]) -> str:
    """Name model and precision."""
    return f'{case["model"]} {case["precision"]}'


def size_of(case: Mapping[str, Any]) -> str:
    """Name the network's input, height x width."""
    return f'{case["height"]}x{case["width"]}'
