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
"""
Hooks of mkdocs: links to files outside docs/ hold in the repository and on the site.

A Markdown file that a page links to, such as CONTRIBUTING.md, becomes a page of the site, and so
do its own links. A text file becomes a page that shows it, a folder one that lists it. mkdocs then
checks these links like all others.
"""

from os.path import dirname, normpath, relpath
from pathlib import Path
import re
from typing import Any, List, Set

from mkdocs.structure.files import File

LINK = re.compile(r'(?<=\]\()(?![a-z]+:|[#/])[^)\s#]+|(?<=src=")(?![a-z]+:|/)[^"]+')
# A language and a word for our tests, as in your_own_data.md, which only GitHub allows.
FENCE = re.compile(r'^(```\w+) \w+$', re.MULTILINE)
LANGUAGES = {
    '': 'text',
    '.cff': 'yaml',
    '.cpp': 'cpp',
    '.cu': 'cpp',
    '.json': 'json',
    '.py': 'python',
    '.rst': 'rst',
    '.sh': 'bash',
    '.txt': 'text',
    '.xml': 'xml',
    '.yaml': 'yaml',
    '.yml': 'yaml',
}
DOCS, OUTSIDE, INDEX = 'docs/', 'repository/', '/index.md'


def on_files(files: Any, config: Any) -> Any:
    """Add the files outside docs/ that pages of docs/, README.md and CONTRIBUTING.md link to."""
    root = _root(config)
    waiting = ['README.md', 'CONTRIBUTING.md', *(DOCS + file.src_uri for file in files)]
    seen: Set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        uri = page_uri(path, root)
        if files.get_file_from_path(uri) is None:
            files.append(_file(path, uri, root, config))
        if path.endswith('.md'):
            links = LINK.findall((root / path).read_text(encoding='utf-8'))
            waiting.extend(filter(None, (_target(path, link, root) for link in links)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Return the text of a page with the links of the repository replaced by those of the site."""
    root, uri = _root(config), page.file.src_uri
    path = source_path(uri, root)

    def on_site(link: 're.Match[str]') -> str:
        target = _target(path, link[0], root)
        # What does not exist is left as it is, and mkdocs warns of it.
        return relpath(page_uri(target, root), dirname(uri) or '.') if target else link[0]

    return LINK.sub(on_site, FENCE.sub(r'\1', markdown))


def page_uri(path: str, root: Path) -> str:
    """Return the source on the site of a file or folder of the repository."""
    if (root / path).is_dir():
        return OUTSIDE + path + INDEX
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return OUTSIDE + path + ('.md' if Path(path).suffix in LANGUAGES else '')


def source_path(uri: str, root: Path) -> str:
    """Return the path in the repository of a source on the site: the inverse of `page_uri`."""
    if not uri.startswith(OUTSIDE):
        return DOCS + uri
    path = uri.removeprefix(OUTSIDE)
    if (root / path).exists():
        return path
    return path.removesuffix(INDEX if path.endswith(INDEX) else '.md')


def _root(config: Any) -> Path:
    return Path(config.config_file_path).parent


def _target(path: str, link: str, root: Path) -> str:
    """Return what a file of the repository links to, of a folder its page; empty if nothing is."""
    target = normpath(f'{dirname(path) or "."}/{link}')
    if target.startswith('..') or not (root / target).exists():
        return ''
    pages = (f'{target}/{name}' for name in ('README.md', 'index.md'))
    return next((page for page in pages if (root / page).is_file()), target)


def _file(path: str, uri: str, root: Path, config: Any) -> File:
    """Return a file of the site: a page with a listing or a text, or the file itself."""
    source = root / path
    if source.is_dir():
        entries = sorted(
            f'{item.name}/' if item.is_dir() else item.name for item in source.iterdir()
        )
        return File.generated(
            config, uri, content=_page(path, [f'- `{name}`' for name in entries])
        )
    if source.suffix not in LANGUAGES:
        return File.generated(config, uri, abs_src_path=str(source))
    text = source.read_text(encoding='utf-8').rstrip()
    fenced = [f'````{LANGUAGES[source.suffix]}', text, '````']
    return File.generated(config, uri, content=_page(path, fenced))


def _page(title: str, lines: List[str]) -> str:
    return '\n'.join([f'# {title}', '', *lines, ''])
