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


"""One Markdown file of a folder of runs, and its plots beside it."""

from collections.abc import Sequence
from pathlib import Path

from training.report.plots import PLOTS, save_plot
from training.report.runs import Arm, arms_by_table, read_runs
from training.report.table import arm_table, budget, class_table


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
