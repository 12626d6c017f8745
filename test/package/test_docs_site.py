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
"""The documentation site builds without a warning, and has every page and public name."""

import importlib.util
from pathlib import Path
import re
import subprocess
import sys

from package.source_files import ROOT
import pytest
import swiftnet_ros
from swiftnet_ros import model_spec

NO_TOOLS = 'mkdocs is not installed here: scripts/test.sh brings it'
BROKEN = {
    '[a page](missing.md)': "'missing.md'",
    '[a source](../swiftnet_ros/missing.py)': "'../swiftnet_ros/missing.py'",
    '[a heading](#nowhere)': "'#nowhere'",
    '[a heading of a file outside docs/](../README.md#nowhere)': 'nowhere',
    '::: swiftnet_ros.no_such_name': 'swiftnet_ros.no_such_name',
}


def build(folder: Path, config: Path) -> subprocess.CompletedProcess:
    """Build a site strictly, as scripts/docs.sh does."""
    # With --quiet mkdocs does not count warnings.
    options = ['--config-file', str(config), '--site-dir', str(folder)]
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """Build the site and return its folder."""
    if importlib.util.find_spec('mkdocs') is None:
        pytest.skip(NO_TOOLS)
    folder = tmp_path_factory.mktemp('site')
    built = build(folder, ROOT / 'mkdocs.yml')
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_document_is_a_page(site):
    documents = [path.stem for path in (ROOT / 'docs').glob('*.md')]
    assert len(documents) > 10
    assert not [name for name in documents if not (site / f'{name}.html').is_file()]


@pytest.mark.parametrize('package', [swiftnet_ros, model_spec])
def test_api_page_has_every_public_name(site, package):
    page = (site / 'api.html').read_text()
    names = [name for name in package.__all__ if name[0] != '_' and not name.isupper()]
    anchors = set(re.findall(r'id="([\w.]+)"', page))
    assert not [name for name in names if f'{package.__name__}.{name}' not in anchors]


def test_files_of_the_repository_are_on_the_site(site):
    """A link that leads out of docs/ in the repository leads to a page of the site."""
    page = (site / 'ros_interface.html').read_text()
    (link,) = set(re.findall(r'href="([^"]*config/segment[^"]*)"', page))
    assert 'overlay_opacity' in (site / link).read_text()
    assert (site / 'repository' / 'CONTRIBUTING.html').is_file()


def test_pages_load_nothing_from_the_network(site):
    loaded = re.compile(
        r'<(?:script|img|iframe)[^>]* src="https?:|<link[^>]* rel="stylesheet" href="https?:'
    )
    assert not [path.name for path in site.rglob('*.html') if loaded.search(path.read_text())]


@pytest.mark.parametrize('text', BROKEN)
def test_strict_build_fails_for_what_does_not_exist(text, tmp_path):
    if importlib.util.find_spec('mkdocs') is None:
        pytest.skip(NO_TOOLS)
    for name in ('scripts', 'swiftnet_ros', 'training'):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ('README.md', 'CONTRIBUTING.md'):
        (tmp_path / name).write_text('# A heading\n')
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs' / 'index.md').write_text(f'# A page\n\n[itself](index.md)\n\n{text}\n')
    config = tmp_path / 'mkdocs.yml'
    config.write_text(f'INHERIT: {ROOT / "mkdocs.yml"}\nnav: [index.md]\n')
    result = build(tmp_path / 'site', config)
    assert result.returncode == 1
    assert BROKEN[text] in result.stdout + result.stderr
