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

"""python -m training render writes scenes with the class ids of any shipped class table."""

import cv2
import numpy as np
import pytest
from swiftnet_ros.core.image_listing import image_files
from training.__main__ import main
from training.datasets.class_table import shipped_class_table

SMALL = ['--frames', '2', '--size', '96x64']
REMAP = {'rack': 'furniture', 'box': 'object', 'forklift': 'vehicle'}


def labels(folder):
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in image_files(folder / 'labels')]


def test_labels_have_the_ids_of_another_class_table(tmp_path):
    assert main(['render', str(tmp_path / 'own'), *SMALL]) == 0
    words = [word for pair in REMAP.items() for word in ('--remap', '='.join(pair))]
    mapped = tmp_path / 'indoor'
    assert main(['render', str(mapped), *SMALL, '--classes', 'indoor', *words]) == 0
    own, indoor = (
        [item.name for item in shipped_class_table(name).classes]
        for name in ('warehouse', 'indoor')
    )
    expected = np.array([indoor.index(REMAP.get(name, name)) for name in own], np.uint8)
    for before, after in zip(labels(tmp_path / 'own'), labels(mapped), strict=True):
        assert np.array_equal(after, expected[before])
    assert 'pallet' in (mapped / 'classes.yaml').read_text()


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (['--classes', 'nothing'], 'class table not found'),
        (['--classes', 'indoor', '--remap', 'rack=shelf'], 'unknown class of rack in remap'),
    ],
)
def test_unknown_classes_are_an_error_and_nothing_is_written(tmp_path, capsys, words, reason):
    assert main(['render', str(tmp_path / 'out'), *SMALL, *words]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
