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

"""Every file in docs/results is read by a page, table, plot or card, and figures are in theirs."""

from collections.abc import Iterator
import json
from pathlib import Path
import re

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.system import file_reader
from training.profiling.report import with_updated_tables
from training.report.card import model_card
from training.report.page import page_text

RESULTS = ROOT / 'docs' / 'results'
# The inventory of the results does not read them.
INVENTORY = RESULTS / 'README.md'
PAGES = sorted({
    path
    for pattern in ('*.md', 'docs/**/*.md', 'models/*.md')
    for path in ROOT.glob(pattern)
    if path != INVENTORY
})  # fmt: skip
LINK = re.compile(r'\]\(([^)\s#]+)')
PATH = re.compile(r'docs/results/[\w./-]*\w')
FIGURE = re.compile(r'\[(\d+(?:\.(\d+))?)\]\(([^)\s#]+\.jsonl?)\)')


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return a set that collects the files that are read from now on."""
    files: set[Path] = set()
    read_regular = file_reader.read_regular

    def recorded(path: Path, *arguments: int) -> bytes:
        files.add(Path(path).resolve())
        return read_regular(path, *arguments)

    monkeypatch.setattr(file_reader, 'read_regular', recorded)
    return files


def named_files(page: Path) -> Iterator[Path]:
    """Yield what a page links to, and the paths of the repository that it names."""
    text = page.read_text()
    yield from ((page.parent / target).resolve() for target in LINK.findall(text))
    yield from (ROOT / path for path in PATH.findall(text))


def numbers(tree: object) -> Iterator[float]:
    """Yield all numbers of a JSON tree."""
    if isinstance(tree, (int, float)):
        yield tree
    elif isinstance(tree, (dict, list)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from numbers(item)


def test_every_file_is_read_by_a_page_table_plot_or_card(read_files: set[Path]) -> None:
    for page in PAGES:
        page_text(page)
        with_updated_tables(page)
        read_files.update(named_files(page))
    for text in RESULTS.rglob('card.yaml'):
        model = ROOT / 'models' / text.parent.name
        out = model.with_suffix('.md')
        assert model_card(model, text, out) == out.read_text(), f'write {out.name} anew by `card`'
    stored = {path for path in RESULTS.rglob('*') if path.is_file()} - {INVENTORY}
    unread = sorted(str(path.relative_to(ROOT)) for path in stored - read_files)
    assert not unread, f'link {unread} to the figures made from them, or delete them'


@pytest.mark.parametrize('page', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_linked_figures_are_in_their_files(page: Path) -> None:
    for figure, decimals, target in FIGURE.findall(page.read_text()):
        lines = (page.parent / target).read_text().splitlines()
        trees = map(json.loads, lines if target.endswith('l') else ['\n'.join(lines)])
        values = [value for tree in trees for value in numbers(tree)]
        shown = {f'{scale * value:.{len(decimals)}f}' for value in values for scale in (1, 100)}
        assert figure in shown, f'{figure} is not in {target}'


def test_every_image_is_shown_by_a_page() -> None:
    text = '\n'.join(page.read_text() for page in PAGES)
    images = sorted(path for path in (ROOT / 'docs' / 'images').rglob('*') if path.is_file())
    assert not [path.name for path in images if path.name not in text]


def test_evaluation_ran_in_the_precision_of_its_name():
    found = {}
    for path in RESULTS.rglob('*_*.json'):
        named = path.stem.rpartition('_')[2]
        content = json.loads(path.read_text())
        if named in ('fp32', 'bf16', 'int8') and 'precision' in content:
            found[path.relative_to(RESULTS)] = (content['precision'], named)
    assert len(found) >= 10
    assert {path: pair for path, pair in found.items() if pair[0] != pair[1]} == {}
