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

from time import monotonic

import pytest
from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.system.yaml_reader import MAX_BYTES, parse_yaml, read_yaml

LAUGHS = 'a0: &a0 [ha, ha, ha, ha]\n' + ''.join(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, 10)
)
MERGES = 'a0: &a0 {x: 1}\n' + ''.join(
    f'a{i}: &a{i}\n  <<: [{", ".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, 10)
)


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        (
            'a: [1, -2, 0.5, 0x10]\nb: {c: yes, d: null}',
            {'a': [1, -2, 0.5, 16], 'b': {'c': True, 'd': None}},
        ),
        ('lr: 1e-3', {'lr': '1e-3'}),
        ('base: &b {x: 1}\nmore: {<<: *b, y: 2}', {'base': {'x': 1}, 'more': {'x': 1, 'y': 2}}),
        ("['2020-01-01', '1:30']", ['2020-01-01', '1:30']),
        (b'\xef\xbb\xbfname: Stra\xc3\x9fe', {'name': 'Straße'}),
        ('', None),
    ],
)
def test_plain_value_is_parsed(text, value):
    assert parse_yaml(text, 'x') == value


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a: [', 'expected the node content'),
        (b'\xff', "can't decode byte 0xff"),
        ('[' * 100_000, 'nested deeper than 64'),
        ('- ' * 10_000, 'nested deeper than 64'),
        (LAUGHS, 'aliases expand to more than'),
        (MERGES, 'aliases expand to more than'),
        ('&a [*a]', 'nested deeper than 64'),
        ('a: 1\nb: 2\na: 3', "key 'a' occurs twice"),
        ('2020-01-01', "timestamp '2020-01-01'; write text in quotes"),
        ('2020-13-45', 'timestamp'),
        ('1:30', 'unusual number'),
        ('010', 'unusual number'),
        ('1_000', 'unusual number'),
        ('1:30.5', 'unusual number'),
        ('9' * 25, 'beyond 64 bits'),
        ('9' * 5000, '(beyond 64 bits|Exceeds the limit)'),
        ('.nan', 'not a finite number'),
        ('-.inf', 'not a finite number'),
        ('!!int x', 'invalid literal'),
        ('!!int ""', 'index out of range'),
        ('!!bool x', 'x'),
        ('!!set {a}', 'contains a set'),
        ('!!binary aGk=', 'contains a binary'),
        ('!!python/object/apply:os.getcwd []', 'constructor'),
        ('"\\UFFFFFFFF"', 'too large'),
        ('? [a]\n: 1', 'unhashable'),
        ('--- 1\n--- 2', 'single document'),
    ],
)
def test_other_text_raises_one_short_line_with_the_name(text, reason):
    start = monotonic()
    with pytest.raises(InvalidTextError, match=f'cannot read table a.yaml: .*{reason}') as error:
        parse_yaml(text, 'table a.yaml')
    assert monotonic() - start < 3
    assert len(str(error.value)) < 300
    assert '\n' not in str(error.value)


def test_file_of_more_than_the_limit_is_not_parsed(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('- x\n' * (MAX_BYTES // 4 + 1))
    with pytest.raises(Exception, match=r'cannot read table .*a\.yaml: it is larger than 128 KiB'):
        read_yaml(path, 'table')
