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

"""Write a report of runs, and update the generated tables and plots of a results page."""

from collections.abc import Callable, Sequence
from pathlib import Path
import re

from matplotlib.figure import Figure
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from swiftnet_ros.system.file_reader import read_text
from swiftnet_ros.system.files import write_atomic
from training.profiling.plots import save_plot
from training.report.overview import reference_table, shipped_table
from training.report.plots import PLOTS
from training.report.runs import read_runs, VariantResults, variants_by_table
from training.report.tables import (
    budget,
    class_table,
    comparison_table,
    corruption_table,
    int8_table,
    iou_table,
    model_table,
    read_reference,
    variant_table,
)

_BLOCK = re.compile(
    r'(<!-- results (?P<folder>\S+) (?P<table>\S+)(?: (?P<reference>\S+))? -->\n)'
    r'.*?(<!-- end results -->)',
    re.DOTALL,
)
# The folder of a page's plots, relative to the page.
PLOT_FOLDER = Path('images')

# name in a page's marker -> table of a folder of runs
TABLES: dict[str, Callable[[Sequence[VariantResults]], str]] = {
    'arms': variant_table,
    'budget': budget,
    'classes': class_table,
    'int8': int8_table,
}
# name in a page's marker -> table of a folder of evaluations
FOLDER_TABLES: dict[str, Callable[[Path], str]] = {
    'models': model_table,
    'iou': iou_table,
    'faults': corruption_table,
    'shipped': shipped_table,
    'reference': reference_table,
}
# Markers of more than one table.
_COMPARISON, _PLOTS = 'beside', 'plots'


def write_report(runs: Path, out: Path) -> list[Path]:
    """Write `out` with tables and plots for each comparable group of runs; return all files."""
    files, sections = [out], [f'# Runs of {runs.name}']
    for title, variants in variants_by_table(read_runs(runs)).items():
        sections += [f'## {title}', budget(variants), variant_table(variants)]
        sections += ['IoU of each class, percent:', class_table(variants)]
        for plot, figure in _figures(variants):
            path = out.with_name(f'{out.stem}_{title}_{plot}.png')
            save_plot(figure, path)
            files.append(path)
            sections.append(f'![{PLOTS[plot][1]}]({path.name})\n\n{PLOTS[plot][1]}.')
    write_atomic(out, '\n\n'.join(sections) + '\n')
    return files


def write_page(page: Path) -> list[Path]:
    """Update the tables and plots of a page; return all files."""
    text, files = page_text(page), [page]
    for match in _BLOCK.finditer(text):
        if match['table'] == _PLOTS:
            (page.parent / PLOT_FOLDER).mkdir(exist_ok=True)
            for path, _, figure in _page_plots(page.parent, match['folder']):
                save_plot(figure, page.parent / path)
                files.append(page.parent / path)
    write_atomic(page, text)
    return files


def page_text(page: Path) -> str:
    """
    Return the text of a page with every table made again.

    A table is between `<!-- results FOLDER TABLE [REFERENCE.json] -->` and
    `<!-- end results -->`; paths are relative to the page. FOLDER contains runs, as
    `lottery --out`, for `arms`, `budget`, `classes`, `int8`, `plots` and `beside`, which takes the
    reference; files of `evaluate --json` for `iou`, and folders of these for `models` and
    `faults`; docs/results for `shipped` and `reference`. A folder of runs without results makes a
    line that says so.
    """
    text = read_text(page, 'page')

    def updated(match: re.Match[str]) -> str:
        return f'{match[1]}{_make_block(page.parent, match)}\n{match[5]}'

    return _BLOCK.sub(updated, text)


def _make_block(base: Path, match: re.Match[str]) -> str:
    folder, name = base / match['folder'], match['table']
    if name in FOLDER_TABLES:
        if not folder.is_dir():
            raise FileMissingError(folder, 'folder of evaluations')
        return FOLDER_TABLES[name](folder)
    if name not in (*TABLES, _COMPARISON, _PLOTS):
        known = (*TABLES, *FOLDER_TABLES, _COMPARISON, _PLOTS)
        raise UnknownNameError('table of results', name, known)
    groups = _read_groups(folder)
    if name == _COMPARISON:
        variants = [variant for group in groups.values() for variant in group]
        return comparison_table(variants, read_reference(base / str(match['reference'])))
    if not groups:
        return f'*No results are stored in {match["folder"]} yet.*'
    if name == _PLOTS:
        plots = _page_plots(base, match['folder'])
        return '\n\n'.join(f'![{caption}]({path})' for path, caption, _ in plots)
    return '\n\n'.join(filter(None, (TABLES[name](group) for group in groups.values())))


def _read_groups(folder: Path) -> dict[str, list[VariantResults]]:
    has_results = next(folder.glob('*/result.json'), None) is not None
    return variants_by_table(read_runs(folder)) if has_results else {}


def _page_plots(base: Path, folder: str) -> list[tuple[Path, str, Figure]]:
    """Return path from the page, caption and figure of every plot of a folder of runs."""
    return [
        (PLOT_FOLDER / f'results_{Path(folder).name}_{title}_{plot}.png', PLOTS[plot][1], figure)
        for title, variants in _read_groups(base / folder).items()
        for plot, figure in _figures(variants)
    ]


def _figures(variants: Sequence[VariantResults]) -> list[tuple[str, Figure]]:
    """Return name and figure of every plot that the variants have data for."""
    figures = [(name, draw(variants)) for name, (draw, _) in PLOTS.items()]
    return [(name, figure) for name, figure in figures if figure is not None]
