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


"""The plots of a report; the same figures give the same files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
import numpy as np
import numpy.typing as npt
from training.pruning.masks import load_masks
from training.report.runs import Arm, DENSE, Run
from training.report.table import mean_iou

# layer -> kept channels, or True for every kept weight, flat
Kept = Mapping[str, npt.NDArray[np.bool_]]


def kept_of(run: Run) -> Kept:
    """Give what a run kept of the dense network; nothing for one that pruned nothing."""
    if run.paths.masks.exists():
        masks = load_masks(run.paths.masks)
        return {name: mask.numpy().flatten() for name, mask in masks.items()}
    return {layer: _flags(ids) for layer, ids in run.kept_channels().items()}


def overlap(one: Kept, other: Kept) -> float | None:
    """Give common over all that either keeps, in what both pruned; None where that is nothing."""
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    common = either = 0
    for layer in shared:
        first, second = _equally_long(one[layer], other[layer])
        common += int((first & second).sum())
        either += int((first | second).sum())
    return common / either


def _flags(ids: Sequence[int]) -> npt.NDArray[np.bool_]:
    flags = np.zeros(max(ids) + 1, bool)
    flags[list(ids)] = True
    return flags


def _equally_long(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Fill up with what neither of the two keeps."""
    length = max(len(first), len(second))
    return np.pad(first, (0, length - len(first))), np.pad(second, (0, length - len(second)))


# Ten colours times seven shapes tell any family's arms apart.
_MARKERS = 'osD^vPX'
# From here on the colour of a cell is light.
_LIGHT = 0.6


def miou_over_gmacs(arms: Sequence[Arm]) -> Figure | None:
    """Draw mIoU against GMACs with the Pareto front."""
    return _scatter(arms, [arm.mean('gmacs') for arm in arms], 'GMACs')


def miou_over_latency(arms: Sequence[Arm]) -> Figure | None:
    """Draw mIoU against the FP32 time of those arms that were timed; None without any."""
    timed = [(arm, arm.latency('fp32_ms')) for arm in arms]
    known = [(arm, value) for arm, value in timed if value is not None]
    if not known:
        return None
    return _scatter([arm for arm, _ in known], [value for _, value in known], 'FP32 ms')


def class_iou(arms: Sequence[Arm]) -> Figure | None:
    """Draw the IoU of every class in percent."""
    classes = list(arms[0].runs[0].result['iou'])
    values = [[mean_iou(arm, name) for name in classes] for arm in arms]
    return _grid(_percent(values), [arm.name for arm in arms], classes)


def kept_channels(arms: Sequence[Arm]) -> Figure | None:
    """Draw the output channels of every layer that some arm pruned, of the first seed."""
    runs = _first_seed(arms)
    pruned = {layer for run in runs for layer in run.kept_channels()}
    shown = [run for run in runs if run.kept_channels() or run.result['name'] == DENSE]
    if not pruned:
        return None
    layers = [layer for layer in shown[0].result['widths'] if layer in pruned]
    widths = [[run.result['widths'][layer] for layer in layers] for run in shown]
    names = [run.result['name'] for run in shown]
    return _grid(np.array(widths, float), names, layers, relative=True)


def mask_overlap(arms: Sequence[Arm]) -> Figure | None:
    """Draw how far two arms keep the same, in percent, of the first seed."""
    kept = {run.result['name']: kept_of(run) for run in _first_seed(arms)}
    names = [name for name, parts in kept.items() if parts]
    if len(names) < 2:
        return None
    values = [[overlap(kept[one], kept[other]) for other in names] for one in names]
    return _grid(_percent(values), names, names)


PLOTS: dict[str, tuple[Callable[[Sequence[Arm]], Figure | None], str]] = {
    'miou_gmacs': (miou_over_gmacs, 'mIoU against GMACs; the line joins the Pareto front'),
    'miou_latency': (miou_over_latency, 'mIoU against FP32 milliseconds'),
    'class_iou': (class_iou, 'IoU of each class, percent'),
    'kept_channels': (kept_channels, 'Channels that are left of each pruned layer'),
    'mask_overlap': (
        mask_overlap,
        'Overlap of what two arms keep in layers that both pruned, percent of what either '
        'keeps; two independent choices of half the channels overlap by 33',
    ),
}


def save_plot(figure: Figure, path: Path) -> None:
    """Write a PNG file without the time and the version of what drew it."""
    figure.savefig(path, dpi=100, metadata={'Software': None})


def pareto(sizes: Sequence[float], scores: Sequence[float]) -> list[int]:
    """List the places that no other beats in both, smallest first."""
    best, front = -np.inf, []
    for index in sorted(range(len(sizes)), key=lambda i: (sizes[i], -scores[i])):
        if scores[index] > best:
            best = scores[index]
            front.append(index)
    return front


def _first_seed(arms: Sequence[Arm]) -> list[Run]:
    """Give the runs of the smallest seed: only they are made of one dense network."""
    seed = min(seed for arm in arms for seed in arm.seeds)
    return [run for arm in arms for run in arm.of_seed(seed)]


def _percent(rows: Sequence[Sequence[float | None]]) -> npt.NDArray[np.float64]:
    return np.array([[np.nan if v is None else 100 * v for v in row] for row in rows])


def _scatter(arms: Sequence[Arm], sizes: Sequence[float], label: str) -> Figure:
    """Draw the mean over the seeds, bars from the smallest to the largest, and the front."""
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.add_subplot()
    scores = [100 * arm.mean('miou') for arm in arms]
    for index, (arm, size, score) in enumerate(zip(arms, sizes, scores, strict=True)):
        values = [100 * value for value in arm.values('miou')]
        bars = [[score - min(values)], [max(values) - score]]
        marker = _MARKERS[index % len(_MARKERS)]
        axes.errorbar([size], [score], yerr=bars, fmt=marker, capsize=3, label=arm.name)
    front = pareto(sizes, scores)
    axes.plot([sizes[i] for i in front], [scores[i] for i in front], 'k--', linewidth=0.8)
    axes.set(xlabel=label, ylabel='mIoU, percent')
    figure.legend(loc='outside right upper', fontsize=7)
    return figure


def _grid(
    cells: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    relative: bool = False,
) -> Figure:
    """Draw a table of coloured cells; `relative` colours every column by its own largest."""
    size = (3 + 0.45 * len(columns), 2 + 0.3 * len(rows))
    figure = Figure(figsize=size, layout='constrained')
    axes = figure.add_subplot()
    shown = cells / cells.max(axis=0) if relative else cells / 100
    axes.imshow(shown, cmap='viridis', aspect='auto', vmin=0, vmax=1)
    for row, column in np.argwhere(~np.isnan(cells)):
        color = 'black' if shown[row, column] > _LIGHT else 'white'
        text = f'{cells[row, column]:.0f}'
        axes.text(column, row, text, ha='center', va='center', fontsize=6, color=color)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=6)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    return figure
