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

"""Plots of an experiment's variants; the same results make the same files."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure
import numpy as np
import numpy.typing as npt
from training.pruning.masks import load_masks
from training.report.runs import DENSE, RunResult, VariantResults

# layer -> flags of kept channels, or of kept weights in a flat mask
KeptFlags = Mapping[str, npt.NDArray[np.bool_]]

# Ten colors times seven shapes distinguish the variants of any experiment.
_MARKERS = 'osD^vPX'
# The color of a cell is light from this value on.
_LIGHT = 0.6


def miou_over_gmacs(variants: Sequence[VariantResults]) -> Figure | None:
    """Draw mIoU against GMACs with the Pareto front."""
    return _scatter(variants, [variant.mean('gmacs') for variant in variants], 'GMACs')


def miou_over_latency(variants: Sequence[VariantResults]) -> Figure | None:
    """Draw mIoU against FP32 latency of the measured variants; None without any."""
    latencies = [(variant, variant.latency('fp32_ms')) for variant in variants]
    known = [(variant, value) for variant, value in latencies if value is not None]
    if not known:
        return None
    return _scatter([variant for variant, _ in known], [value for _, value in known], 'FP32 ms')


def class_iou(variants: Sequence[VariantResults]) -> Figure | None:
    """Draw the IoU of every class in percent."""
    classes = list(variants[0].runs[0].result['iou'])
    values = [[variant.class_iou(name) for name in classes] for variant in variants]
    return _grid(_percent(values), [variant.name for variant in variants], classes)


def kept_channels(variants: Sequence[VariantResults]) -> Figure | None:
    """Draw the output channels of every layer that a variant of the first seed pruned."""
    runs = _first_seed(variants)
    pruned = {layer for run in runs for layer in run.kept_channels()}
    shown = [run for run in runs if run.kept_channels() or run.result['name'] == DENSE]
    if not pruned:
        return None
    layers = [layer for layer in shown[0].result['widths'] if layer in pruned]
    widths = [[run.result['widths'][layer] for layer in layers] for run in shown]
    names = [run.result['name'] for run in shown]
    return _grid(np.array(widths, float), names, layers, relative=True)


def mask_overlap(variants: Sequence[VariantResults]) -> Figure | None:
    """Draw the overlap of what two variants of the first seed keep, in percent."""
    kept = {run.result['name']: kept_flags(run) for run in _first_seed(variants)}
    names = [name for name, flags in kept.items() if flags]
    if len(names) < 2:
        return None
    values = [[overlap(kept[one], kept[other]) for other in names] for one in names]
    return _grid(_percent(values), names, names)


# file name -> plot and caption
PLOTS: dict[str, tuple[Callable[[Sequence[VariantResults]], Figure | None], str]] = {
    'miou_gmacs': (miou_over_gmacs, 'mIoU against GMACs; the line joins the Pareto front'),
    'miou_latency': (miou_over_latency, 'mIoU against FP32 milliseconds'),
    'class_iou': (class_iou, 'IoU of each class, percent'),
    'kept_channels': (kept_channels, 'Remaining channels of each pruned layer'),
    'mask_overlap': (
        mask_overlap,
        'Overlap of what two variants keep in layers that both pruned, in percent of their '
        'union; two independent choices of half the channels overlap by 33',
    ),
}


def pareto(sizes: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Return the indices of the Pareto front of small sizes and high scores, smallest first."""
    best, front = -np.inf, []
    for index in sorted(range(len(sizes)), key=lambda i: (sizes[i], -scores[i])):
        if scores[index] > best:
            best = scores[index]
            front.append(index)
    return front


def kept_flags(run: RunResult) -> KeptFlags:
    """Return what a run kept of the dense network, an empty dict if it pruned nothing."""
    if run.paths.masks.exists():
        masks = load_masks(run.paths.masks)
        return {name: mask.numpy().flatten() for name, mask in masks.items()}
    return {k: np.isin(np.arange(max(ids) + 1), ids) for k, ids in run.kept_channels().items()}


def overlap(one: KeptFlags, other: KeptFlags) -> float | None:
    """Return intersection over union in layers that both pruned; None if there are none."""
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    intersection = union = 0
    for layer in shared:
        # Flags end with the last kept channel.
        first, second = np.flatnonzero(one[layer]), np.flatnonzero(other[layer])
        common = len(np.intersect1d(first, second, assume_unique=True))
        intersection += common
        union += len(first) + len(second) - common
    return intersection / union


def _first_seed(variants: Sequence[VariantResults]) -> list[RunResult]:
    """Return the runs of the smallest seed: only these are pruned from one dense network."""
    seed = min(seed for variant in variants for seed in variant.seeds)
    return [run for item in variants for run in item.runs if run.result['seed'] == seed]


def _percent(rows: Sequence[Sequence[float | None]]) -> npt.NDArray[np.float64]:
    return np.array([[np.nan if v is None else 100 * v for v in row] for row in rows])


def _scatter(variants: Sequence[VariantResults], sizes: Sequence[float], label: str) -> Figure:
    """Draw the mean over the seeds, bars from the smallest to the largest, and the front."""
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.add_subplot()
    scores = [100 * variant.mean('miou') for variant in variants]
    for index, (variant, size, score) in enumerate(zip(variants, sizes, scores, strict=True)):
        values = [100 * value for value in variant.values('miou')]
        bars = [[score - min(values)], [max(values) - score]]
        marker = _MARKERS[index % len(_MARKERS)]
        axes.errorbar([size], [score], yerr=bars, fmt=marker, capsize=3, label=variant.name)
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
    """Draw a table of colored cells; `relative` scales the colors of each column separately."""
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
