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
Print the section of CHANGELOG.rst for a release.

    release_notes.py TAG

TAG is the version of package.xml, and its section has a date: anything else is an error.
"""

from pathlib import Path
import re
import sys
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r'^(\S+) \(\d{4}-\d\d-\d\d\)\n-+\n', re.MULTILINE)


def section(changelog: str, version: str) -> str:
    """Return the text below the heading of a version; exit with a message if there is none."""
    parts = HEADING.split(changelog)
    sections = dict(zip(parts[1::2], parts[2::2]))
    if not sections.get(version, '').strip():
        sys.exit(
            f'error: CHANGELOG.rst has no text below a heading "{version} (YYYY-MM-DD)": '
            'replace "Forthcoming" by it'
        )
    return sections[version].strip()


def main(tag: str) -> None:
    """Print the section of the version that the tag names."""
    version = ElementTree.parse(ROOT / 'package.xml').findtext('version')
    if tag != version:
        sys.exit(f'error: the tag is {tag}, but the version in package.xml is {version}')
    print(section((ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8'), version))


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
