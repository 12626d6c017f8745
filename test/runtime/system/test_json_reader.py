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

import pytest
from swiftnet_ros.errors import FileMissingError, InvalidTextError, UnreadableFileError
from swiftnet_ros.system.json_reader import MAX_DEPTH, parse_json, read_json, read_json_object

DEEPEST = '[' * MAX_DEPTH + ']' * MAX_DEPTH


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('{"a": [1, 2.5, null, true]}', {'a': [1, 2.5, None, True]}),
        (b'\xef\xbb\xbf{"\xc3\xa9": 1}', {'é': 1}),
        (str(2**64 - 1), 2**64 - 1),
        ('-1e300', -1e300),
    ],
)
def test_value_is_parsed(text, value):
    assert parse_json(text, 'x') == value


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('', 'Expecting value'),
        ('\0' * 500, 'Expecting value'),
        (b'\xff', "can't decode byte 0xff"),
        ('[' * 200_000, 'nested deeper than 64'),
        ('{"a":' * 200_000, 'nested deeper than 64'),
        (f'[{DEEPEST}]', 'nested deeper than 64'),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "key 'b' occurs twice"),
        ('[NaN]', 'contains NaN'),
        ('-Infinity', 'contains -Infinity'),
        ('1e999', 'beyond a float'),
        (str(2**64), 'beyond 64 bits'),
        ('1' * 100_000, 'beyond 64 bits'),
        ('[1] [2]', 'Extra data'),
    ],
)
def test_other_text_raises_one_short_line_with_the_name(text, reason):
    with pytest.raises(InvalidTextError, match=f'cannot read masks a.json: .*{reason}') as error:
        parse_json(text, 'masks a.json')
    assert len(str(error.value)) < 300
    assert '\n' not in str(error.value)


def test_greatest_depth_is_read():
    assert parse_json(DEEPEST, 'x') is not None


def test_file_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('[1, 2, 3]')
    assert read_json(path, 'list', max_bytes=9) == [1, 2, 3]
    with pytest.raises(UnreadableFileError, match=r'cannot read list .*a\.json: it is larger'):
        read_json(path, 'list', max_bytes=8)


@pytest.mark.parametrize('text', ['5', 'null', '"x"', '[]', 'true'])
def test_value_that_is_no_object_raises(tmp_path, text):
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(InvalidTextError, match=r'cannot read facts .*a\.json: .*a JSON object'):
        read_json_object(path, 'facts')


@pytest.mark.parametrize('name', ['none.json', '.', 'a\0b'])
def test_path_that_is_no_file_raises(tmp_path, name):
    with pytest.raises((FileMissingError, UnreadableFileError), match='facts'):
        read_json(tmp_path / name, 'facts')
