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

"""What faults of a camera cost: mIoU of models on worsened pictures, from `evaluate --fault`."""

import json
from pathlib import Path

from training.report.models import percent
from training.report.table import ABSENT, markdown


def fault_table(folder: Path) -> str:
    """
    Give mIoU in percent by fault and model, from files MODEL/ANY.json of `evaluate --json`.

    The faults stand in the order of the file names.
    """
    models = sorted(path for path in folder.iterdir() if path.is_dir())
    rows: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob('*/*.json'), key=lambda path: path.name):
        result = json.loads(path.read_text())
        fault = ', '.join(result.get('faults', ())) or 'none'
        rows.setdefault(fault, {})[path.parent.name] = percent(result['miou'])
    lines = [
        (fault, *(known.get(model.name, ABSENT) for model in models))
        for fault, known in rows.items()
    ]
    return markdown(('fault', *(model.name for model in models)), lines)
