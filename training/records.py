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

"""JSON lines that a run writes as it goes, and what of them a resumed run takes back."""

import json
from pathlib import Path
from typing import Any


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add one JSON line."""
    with path.open('a') as file:
        file.write(json.dumps(record) + '\n')


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read all lines, none where there is no file; one that a kill cut short does not count."""
    if not path.exists():
        return []
    *whole, _ = path.read_text().split('\n')
    return [json.loads(line) for line in whole]


def drop_records(path: Path, key: str, last: int) -> None:
    """Drop the records behind `last`: an interrupted run wrote them and will write them again."""
    kept = [record for record in read_records(path) if record[key] <= last]
    if path.exists():
        path.write_text(''.join(json.dumps(record) + '\n' for record in kept))
