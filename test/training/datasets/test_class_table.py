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

"""The shipped class tables, and invalid ones."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from swiftnet_ros.errors import LabelIdError, SwiftnetError
from training.datasets.class_table import ClassTable, read_class_table, shipped_class_table


@pytest.mark.parametrize(
    ('name', 'classes'), [('camvid', 11), ('cityscapes', 19), ('ade20k', 150), ('warehouse', 8)]
)
def test_shipped_tables_have_the_classes_of_their_benchmarks(name, classes):
    table = shipped_class_table(name)
    assert len(table.classes) == len({item.name for item in table.classes}) == classes
    assert len({item.rgb for item in table.classes}) == classes
    assert len(table.source_ids) == classes


def test_shipped_tables_have_the_ids_of_their_benchmarks():
    cityscapes, ade20k = shipped_class_table('cityscapes'), shipped_class_table('ade20k')
    ids = dict(zip((item.name for item in cityscapes.classes), cityscapes.source_ids, strict=True))
    assert (ids['road'], ids['person'], ids['bicycle']) == (7, 24, 33)
    every = np.arange(34, dtype=np.uint8)[np.newaxis]
    mapped = cityscapes.to_class_ids(every, 'every id')
    assert np.count_nonzero(mapped != 255) == 19
    assert ade20k.source_ids == tuple(range(1, 151))
    assert [item.name for item in ade20k.classes][:3] == ['wall', 'building', 'sky']


def test_ids_above_255_are_mapped():
    table = read_class_table_of('{classes: [{name: a, rgb: [1, 2, 3]}], source_ids: [1000]}')
    label = np.array([[1000, 255]], np.uint16)
    assert table.to_class_ids(label, 'deep').tolist() == [[0, 255]]
    with pytest.raises(LabelIdError, match='deep contains label ids 7, the class table'):
        table.to_class_ids(np.array([[7]], np.uint16), 'deep')


def read_class_table_of(text: str) -> ClassTable:
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'classes.yaml'
        path.write_text(text)
        return read_class_table(path)


ONE = '{name: a, rgb: [1, 2, 3]}'


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('classes: [', 'expected valid YAML'),
        ('- a', 'expected a YAML mapping'),
        ('terms: none', "is 'missing', expected a list of {name, rgb}"),
        ('classes: !!python/object/apply:os.getcwd []', 'could not determine a constructor'),
        ('classes: 3', 'expected a list of {name, rgb}'),
        ('classes: [{name: a}]', "rgb of class 'a' is None"),
        ('classes: [{name: a, rgb: [1, 2, 300]}]', "rgb of class 'a' is (1, 2, 300)"),
        ('classes: []', 'expected up to 255 different names'),
        (f'classes: [{ONE}, {ONE}]', "is ['a', 'a'], expected up to 255 different names"),
        (f'{{classes: [{ONE}], sources: [1]}}', "'sources'; did you mean 'source_ids'?"),
        (f'{{classes: [{ONE}], source_ids: [1, 2]}}', 'expected 1 different whole numbers'),
        (f'{{classes: [{ONE}], source_ids: x}}', 'expected 1 different whole numbers'),
        (f'{{classes: [{ONE}], ignored_source_ids: [0]}}', 'expected ids of no class'),
    ],
)
def test_invalid_class_table_raises(text, words):
    with pytest.raises(SwiftnetError) as caught:
        read_class_table_of(text)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)
