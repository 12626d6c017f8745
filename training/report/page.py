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
"""A page of results: text by hand, and tables between marks that kept JSON files fill."""

from collections.abc import Callable, Sequence
from pathlib import Path
import re

from swiftnet_ros.errors import FileMissingError, UnknownNameError
from training.report.evaluation_tables import fault_table, iou_table, model_table
from training.report.plots import PLOTS, save_plot
from training.report.reference_table import beside_table, read_reference
from training.report.runs import Arm, arms_by_table, read_runs
from training.report.table import arm_table, budget, class_table, int8_table


def write_report(runs: Path, out: Path) -> list[Path]:
    """Write `out` and its plots, a table for what can be compared; give all files."""
    files, parts = [out], [f'# Runs of {runs.name}']
    for title, arms in arms_by_table(read_runs(runs)).items():
        parts += [f'## {title}', budget(arms), arm_table(arms)]
        parts += ['IoU of each class, percent:', class_table(arms)]
        for path, caption in _draw(arms, out.with_name(f'{out.stem}_{title}')):
            files.append(path)
            parts.append(f'![{caption}]({path.name})\n\n{caption}.')
    out.write_text('\n\n'.join(parts) + '\n')
    return files


def _draw(arms: Sequence[Arm], stem: Path) -> list[tuple[Path, str]]:
    drawn = []
    for name, (plot, caption) in PLOTS.items():
        figure = plot(arms)
        if figure is not None:
            path = stem.with_name(f'{stem.name}_{name}.png')
            save_plot(figure, path)
            drawn.append((path, caption))
    return drawn


_BLOCK = re.compile(
    r'(<!-- results (?P<folder>\S+) (?P<table>\S+)(?: (?P<reference>\S+))? -->\n)'
    r'.*?(<!-- end results -->)',
    re.DOTALL,
)
# From a page's folder, where its plots lie.
PICTURES = Path('images')

TABLES: dict[str, Callable[[Sequence[Arm]], str]] = {
    'arms': arm_table,
    'budget': budget,
    'classes': class_table,
    'int8': int8_table,
}
FOLDER_TABLES: dict[str, Callable[[Path], str]] = {
    'models': model_table,
    'iou': iou_table,
    'faults': fault_table,
}
OTHERS = ('beside', 'plots')


def write_page(page: Path) -> list[Path]:
    """Bring the tables and plots of a page up to date; give all files."""
    files = [page]
    (page.parent / PICTURES).mkdir(exist_ok=True)
    for match in _BLOCK.finditer(page_text(page)):
        if match['table'] == 'plots':
            files += _draw_plots(page.parent, match['folder'])
    page.write_text(page_text(page))
    return files


def page_text(page: Path) -> str:
    """
    Give a page with every table made anew.

    A table stands between `<!-- results FOLDER TABLE [REFERENCE.json] -->` and
    `<!-- end results -->`; paths are relative to the page. FOLDER holds runs, as `lottery --out`,
    for `arms`, `budget`, `classes`, `int8`, `plots` and `beside`, which takes the reference;
    files of `evaluate --json` for `iou`, and folders of these for `models` and `faults`. A folder
    of runs that is not there yet gives a line that says so.
    """
    if not page.is_file():
        raise FileMissingError(page, 'page')

    def drawn(match: re.Match[str]) -> str:
        return f'{match[1]}{_drawn(page.parent, match)}\n{match[5]}'

    return _BLOCK.sub(drawn, page.read_text())


def _drawn(base: Path, match: re.Match[str]) -> str:
    folder, name = base / match['folder'], match['table']
    if name in FOLDER_TABLES:
        if not folder.is_dir():
            raise FileMissingError(folder, 'folder of evaluations')
        return FOLDER_TABLES[name](folder)
    if name not in TABLES and name not in OTHERS:
        known = (*TABLES, *FOLDER_TABLES, *OTHERS)
        raise UnknownNameError('table of results', name, known)
    tables = _tables(folder)
    if name == 'beside':
        arms = [arm for group in tables.values() for arm in group]
        return beside_table(arms, read_reference(base / str(match['reference'])))
    if not tables:
        return f'*Nothing is kept in {match["folder"]} yet.*'
    if name == 'plots':
        pictures = _pictures(match['folder'], tables)
        return '\n\n'.join(f'![{PLOTS[plot][1]}]({path})' for plot, _, path in pictures)
    return '\n\n'.join(filter(None, (TABLES[name](arms) for arms in tables.values())))


def _tables(folder: Path) -> dict[str, list[Arm]]:
    kept = next(folder.glob('*/result.json'), None)
    return {} if kept is None else arms_by_table(read_runs(folder))


def _pictures(folder: str, tables: dict[str, list[Arm]]) -> list[tuple[str, Sequence[Arm], Path]]:
    """List the plots that can be drawn: name, arms, and path from the page's folder."""
    return [
        (plot, arms, PICTURES / f'results_{Path(folder).name}_{title}_{plot}.png')
        for title, arms in tables.items()
        for plot, (draw, _) in PLOTS.items()
        if draw(arms) is not None
    ]


def _draw_plots(base: Path, folder: str) -> list[Path]:
    files = []
    for plot, arms, path in _pictures(folder, _tables(base / folder)):
        figure = PLOTS[plot][0](arms)
        assert figure is not None
        save_plot(figure, base / path)
        files.append(base / path)
    return files
