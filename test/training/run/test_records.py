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

import json

import pytest
from swiftnet_ros.errors import InvalidTextError
from training.run.folder import drop_records, read_records


@pytest.mark.parametrize(
    'content',
    [
        b'{"step": 1}\n' + bytes(200) + b'\n{"step": 2}\n',
        b'{"step": 1}\n{"st{"step": 2}\n',
        b'{"step": 1}\n\xff\xfe\n',
        b'{"step": 1}\n{}\n',
        b'{"step": 1}\n[1]\n',
        b'{"step": 1}\n{"step": 2, "loss": NaN}\n',
    ],
)
def test_damaged_record_raises_with_file_and_line(tmp_path, content):
    path = tmp_path / 'losses.jsonl'
    path.write_bytes(content)
    with pytest.raises(InvalidTextError, match=f'cannot read {path}, line 2: '):
        drop_records(path, 'step', 5)
    assert path.read_bytes() == content


def test_last_line_without_its_end_is_dropped(tmp_path):
    path = tmp_path / 'losses.jsonl'
    path.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert read_records(path) == [{'step': 1}, {'step': 2}]
    drop_records(path, 'step', 1)
    assert json.loads(path.read_text()) == {'step': 1}
