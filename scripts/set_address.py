#!/usr/bin/env python3
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
Write the address and e-mail of scripts/project.yaml into all files of the checkout.

    scripts/set_address.py          # after project.yaml was edited; prints what it changed
    scripts/set_address.py --check  # changes nothing; exit code 1 if a file has another address

What is replaced is what package.xml has now.
"""

import argparse
from pathlib import Path
import subprocess
import sys
from typing import Dict, Iterator, List
from xml.etree import ElementTree

import yaml

ROOT = Path(__file__).resolve().parents[1]
KEYS = ('repository', 'email')


def wanted() -> Dict[str, str]:
    """Return the address and e-mail of project.yaml."""
    tree = yaml.safe_load((ROOT / 'scripts' / 'project.yaml').read_text(encoding='utf-8'))
    if not isinstance(tree, dict) or sorted(tree) != sorted(KEYS):
        raise SystemExit(f'error: project.yaml needs the keys {" and ".join(KEYS)}, nothing else')
    return {key: str(tree[key]).rstrip('/') for key in KEYS}


def current() -> Dict[str, str]:
    """Return the address and e-mail of package.xml."""
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    repository = package.findtext("url[@type='repository']") or ''
    maintainer = package.find('maintainer')
    return {
        'repository': repository,
        'email': '' if maintainer is None else maintainer.get('email', ''),
    }


def text_files() -> Iterator[Path]:
    """Yield the text files of the checkout, as Git lists them."""
    listed = subprocess.run(
        ['git', 'grep', '--cached', '-I', '-l', '-z', ''], cwd=ROOT, check=True, stdout=-1
    )
    for name in listed.stdout.decode().rstrip('\0').split('\0'):
        if (ROOT / name).is_file() and not name.startswith('docs/results/'):
            yield ROOT / name


def replace_all(old: Dict[str, str], new: Dict[str, str], write: bool) -> List[str]:
    """Return the names of the files that have old values, replaced if `write`."""
    changed = []
    for path in text_files():
        before = after = path.read_bytes()
        for key in KEYS:
            if old[key] != new[key]:
                after = after.replace(old[key].encode(), new[key].encode())
        if after != before:
            changed.append(str(path.relative_to(ROOT)))
            if write:
                path.write_bytes(after)
    return changed


def main() -> int:
    """Replace the address, or check that there is nothing to replace."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('--check', action='store_true', help='change nothing')
    arguments = parser.parse_args()
    old = current()
    if not all(old.values()):
        raise SystemExit('error: package.xml has no <url type="repository"> or no e-mail')
    changed = replace_all(old, wanted(), not arguments.check)
    print('\n'.join(changed) or 'every file has the address of scripts/project.yaml')
    return 1 if changed and arguments.check else 0


if __name__ == '__main__':
    sys.exit(main())
