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

"""Report a profiling result as Markdown, and update the tables of documents from their JSON."""

from collections.abc import Callable
from pathlib import Path
import re

from swiftnet_ros.errors import UnknownNameError, UnreadableFileError
from swiftnet_ros.system.file_reader import read_text
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.json_reader import read_json_object
from swiftnet_ros.system.library_errors import library_errors
from training.profiling.gpu_tables import (
    device_block_table,
    device_facts_table,
    device_table,
    xavier_table,
)
from training.profiling.scaling import scaling_table, size_series, slope_table
from training.profiling.tables import (
    block_table,
    copies_table,
    cpu_peak_table,
    JsonTree,
    latency_table,
    level_table,
    machine_table,
    node_table,
    pair_table,
    peer_table,
    shared_engine_table,
    short_table,
)

# name in a document's marker -> table
TABLES: dict[str, Callable[[JsonTree], str]] = {
    'latency': latency_table,
    'pairs': pair_table,
    'blocks': block_table,
    'levels': level_table,
    'ceilings': cpu_peak_table,
    'short': short_table,
    'scaling': scaling_table,
    'slopes': slope_table,
    'turns': shared_engine_table,
    'node': node_table,
    'peer': peer_table,
    'copies': copies_table,
    'machine': machine_table,
    'xavier': xavier_table,
    'device': device_table,
    'device_blocks': device_block_table,
    'device_facts': device_facts_table,
}
_NOT_RUN = 'Not run yet: there is no {}.'
_BLOCK = re.compile(
    r'(<!-- bench (?P<file>\S+) (?P<table>\S+) -->\n).*?(<!-- end bench -->)', re.DOTALL
)


def report(result: JsonTree) -> str:
    """Return all tables of a result that have rows."""
    shown = ['latency', *(name for name in ('pairs',) if result['pairs'])]
    shown += ['blocks', 'levels'] if result['blocks'] else []
    shown += ['ceilings'] if result.get('ceilings') else []
    shown += ['scaling', 'slopes'] if any(size_series(result)) else []
    shown += ['turns'] if any(case.get('turns') for case in result['cases']) else []
    return '\n\n'.join(TABLES[name](result) for name in [*shown, 'machine'])


def update_tables(document: Path) -> None:
    """Rewrite every table of a Markdown file from the JSON file that it names."""
    write_atomic(document, with_updated_tables(document))


def with_updated_tables(document: Path) -> str:
    """
    Return the text of a Markdown file with every table made again from its JSON.

    A table is between `<!-- bench FILE.json TABLE -->` and `<!-- end bench -->`; FILE is relative
    to the document, and may be a pattern; TABLE is one of `TABLES`.
    """
    text = read_text(document, 'document')

    def updated(match: re.Match[str]) -> str:
        start, end = match[1], match[4]
        return f'{start}{_make_table(document.parent / match["file"], match["table"])}\n{end}'

    return _BLOCK.sub(updated, text)


def _make_table(path: Path, name: str) -> str:
    """Return a table; for a pattern such as `gpu/*.json` one of each file, below its name."""
    if name not in TABLES:
        raise UnknownNameError('bench table', name, TABLES)
    if '*' in path.name:
        files = sorted(path.parent.glob(path.name))
        texts = [f'`{file.name}`:\n\n{_make_table(file, name)}' for file in files]
        return '\n\n'.join(texts) or _NOT_RUN.format(f'{path.parent.name}/{path.name}')
    what = 'result of bench'
    result = read_json_object(path, what)
    with library_errors(lambda reason: UnreadableFileError(path, what, reason)):
        return TABLES[name](result)
