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

"""Plots of a profiling result; the same result makes the same files."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_encoding import check_image
from training.profiling.scaling import fit_costs, megapixels_of, pipeline_ms, size_series
from training.profiling.tables import JsonTree, name_of, size_of


def latency_plot(result: JsonTree) -> Figure | None:
    """Draw engine and pipeline latency of all cases; None for one case or a series of sizes."""
    cases = result['cases']
    if len(cases) < 2 or any(size_series(result)):
        return None
    figure = Figure(figsize=(8, 1.5 + 0.35 * len(cases)), layout='constrained')
    axes = figure.add_subplot()
    positions = np.arange(len(cases))
    pipelines = [pipeline_ms(case) for case in cases]
    engines = [case['engine_ms']['median'] for case in cases]
    axes.barh(positions, pipelines, 0.75, color='lightsteelblue', label='frame to labels')
    axes.barh(positions, engines, 0.45, color='steelblue', label='engine alone')
    for position, spent in enumerate(pipelines):
        axes.text(spent, position, f' {spent:.0f}', va='center', fontsize=8)
    names = [f'{name_of(case)} {size_of(case)}' for case in cases]
    axes.set_yticks(positions, names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel='milliseconds, median')
    axes.legend(fontsize=8)
    return figure


def size_plot(result: JsonTree) -> Figure | None:
    """Draw latency and memory against the input size with fitted lines; None without a series."""
    found = list(size_series(result))
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


def shared_engine_plot(result: JsonTree) -> Figure | None:
    """Draw latency and memory against the number of cameras on one engine; None without any."""
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


# file name -> plot
PLOTS: dict[str, Callable[[JsonTree], Figure | None]] = {
    'speed': latency_plot,
    'sizes': size_plot,
    'cameras': shared_engine_plot,
}


def write_plots(result: JsonTree, folder: Path) -> list[Path]:
    """Draw the plots of a result into `folder`/PLOT.png; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, draw in PLOTS.items():
        figure = draw(result)
        if figure is not None:
            path = folder / f'{name}.png'
            save_plot(figure, path)
            files.append(path)
    return files


def save_plot(figure: Figure, path: Path) -> None:
    """Write a PNG file without time and version, so that equal plots are equal files."""
    content = BytesIO()
    figure.savefig(content, format='png', dpi=100, metadata={'Software': None})
    write_atomic(path, content.getvalue(), check=check_image)


def _draw_line(axes: Axes, cases: Sequence[JsonTree], cost: str, values: Sequence[float]) -> None:
    if cost not in (found := fit_costs(cases)):
        return
    sizes, line = [megapixels_of(case) for case in cases], found[cost]
    label = f'{name_of(cases[0])}: {line.base:.1f} + {line.slope:.1f} per megapixel'
    (drawn,) = axes.plot(sizes, values, 'o', label=label)
    axes.plot(sizes, [line.at(x) for x in sizes], '--', color=drawn.get_color(), linewidth=1)
