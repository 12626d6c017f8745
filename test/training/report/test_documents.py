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

"""Tables of the documents equal their JSON, and links and anchors in them exist."""

import json
from pathlib import Path
import re

from package.source_files import ROOT
import pytest
from training.profiling.report import with_updated_tables
from training.report.page import page_text

DOCUMENTS = sorted(
    path
    for pattern in ('*.md', '.github/*.md', 'docs/**/*.md', 'models/*.md')
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r'\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)')


def anchors(document: Path) -> set[str]:
    headings = re.findall(r'^#+ (.*)$', document.read_text(), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('name', ['docs/performance.md', 'docs/troubleshooting.md'])
def test_bench_figures_are_those_of_the_stored_json(name):
    assert with_updated_tables(ROOT / name) == (ROOT / name).read_text()


@pytest.mark.parametrize('name', ['README.md', 'docs/results.md'])
def test_result_figures_are_those_of_the_stored_json(name):
    assert page_text(ROOT / name) == (ROOT / name).read_text()


def test_stored_speed_up_of_pruning_realizes_its_multiply_adds():
    (pair,) = json.loads((ROOT / 'docs/results/bench/blocks.json').read_text())['pairs']
    assert pair['realised'] >= 0.95


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_exist(document):
    for path, anchor in LINK.findall(document.read_text()):
        target = document.parent / path if path else document
        assert target.exists(), f'{path}: not found'
        assert not anchor or anchor in anchors(target), f'{path}#{anchor}: no such heading'
