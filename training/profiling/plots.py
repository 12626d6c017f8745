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


"""Plots of a bench; the same figures give the same files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np
from training.profiling.scaling import lines, pipeline_ms, pixels, series
from training.profiling.tables import name_of, size_of

Tree = Mapping[str, Any]


def speed(result: Tree) -> Figure | None:
    """Draw the time of engine and pipeline of every network in every precision."""
    cases = result['cases']
    if len(cases) < 2 or any(series(result)):
        return None
    figure = Figure(figsize=(8, 1.5 + 0.35 * len(cases)), layout='constrained')
    axes = figure.add_subplot()
    places = np.arange(len(cases))
    wholes = [pipeline_ms(case) for case in cases]
    engines = [case['engine_ms']['median'] for case in cases]
    axes.barh(places, wholes, 0.75, color='lightsteelblue', label='frame to labels')
    axes.barh(places, engines, 0.45, color='steelblue', label='engine alone')
    for place, spent in enumerate(wholes):
        axes.text(spent, place, f' {spent:.0f}', va='center', fontsize=8)
    names = [f'{name_of(case)} {size_of(case)}' for case in cases]
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel='milliseconds, median')
    axes.legend(fontsize=8)
    return figure


def sizes(result: Tree) -> Figure | None:
    """Draw latency and memory against the size, with their lines."""
    found = list(series(result))
    if not found:
        return None
    figure = Figure(figsize=(9, 4), layout='constrained')
    latency, memory = figure.subplots(1, 2)
    for cases in found:
        _draw_line(latency, cases, 'pipeline', [pipeline_ms(case) for case in cases])
        _draw_line(memory, cases, 'memory', [case['peak_mb'] for case in cases])
    latency.set(xlabel='megapixels', ylabel='frame to labels, ms', ylim=(0, None))
    memory.set(xlabel='megapixels', ylabel='peak memory, MB', ylim=(0, None))
    for axes in (latency, memory):
        axes.legend(fontsize=8)
    return figure


def turns(result: Tree) -> Figure | None:
    """Draw latency and memory against the number of cameras that share an engine."""
    found = [case for case in result['cases'] if case.get('turns')]
    if not found:
        return None
    figure = Figure(figsize=(9, 4), layout='constrained')
    latency, memory = figure.subplots(1, 2)
    for case in found:
        counts = [turn['cameras'] for turn in case['turns']]
        spent = [turn['turn_ms']['median'] for turn in case['turns']]
        label = f'{name_of(case)} {size_of(case)}'
        latency.plot(counts, spent, 'o-', label=label)
        memory.plot(counts, [turn['peak_mb'] for turn in case['turns']], 'o-', label=label)
        latency.set_xticks(counts)
        memory.set_xticks(counts)
    latency.set(xlabel='cameras on one engine', ylabel='a frame of each, ms', ylim=(0, None))
    memory.set(xlabel='cameras on one engine', ylabel='peak memory, MB', ylim=(0, None))
    latency.legend(fontsize=8)
    return figure


PLOTS: dict[str, Callable[[Tree], Figure | None]] = {
    'speed': speed,
    'sizes': sizes,
    'cameras': turns,
}


def write_plots(result: Tree, folder: Path) -> list[Path]:
    """Draw what the result has into `folder`/PLOT.png; give the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for kind, draw in PLOTS.items():
        figure = draw(result)
        if figure is not None:
            path = folder / f'{kind}.png'
            # Without the time and the version of what drew it.
            figure.savefig(path, dpi=100, metadata={'Software': None})
            drawn.append(path)
    return drawn


def _draw_line(axes: Axes, cases: Sequence[Tree], what: str, costs: Sequence[float]) -> None:
    if what not in (found := lines(cases)):
        return
    at, line = [pixels(case) for case in cases], found[what]
    label = f'{name_of(cases[0])}: {line.base:.1f} + {line.slope:.1f} per megapixel'
    (drawn,) = axes.plot(at, costs, 'o', label=label)
    axes.plot(at, [line.at(value) for value in at], '--', color=drawn.get_color(), linewidth=1)
