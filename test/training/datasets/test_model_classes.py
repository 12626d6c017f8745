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

"""Every command with --dataset matches the dataset's classes to the model's by name."""

from pathlib import Path
import shutil

import cv2
from helpers.tiny_training import command_json
import numpy as np
import pytest
from training.__main__ import main
import yaml


@pytest.fixture(scope='module')
def reversed_root(folder_root, tmp_path_factory) -> Path:
    """Return a copy of the tiny dataset with its classes in reverse order."""
    root = tmp_path_factory.mktemp('reversed') / 'data'
    shutil.copytree(folder_root, root)
    table = yaml.safe_load((root / 'classes.yaml').read_text())
    table['classes'].reverse()
    (root / 'classes.yaml').write_text(yaml.safe_dump(table))
    last = len(table['classes']) - 1
    for path in root.glob('*/labels/*.png'):
        label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.where(label <= last, last - label, label).astype(np.uint8))
    return root


@pytest.fixture(scope='module')
def exported(finished_run, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('exported') / 'tiny.fp32.onnx'
    assert main(['export', str(finished_run.trained), '-o', str(out)]) == 0
    return out


@pytest.mark.parametrize(
    ('command', 'source', 'out', 'more'),
    [
        ('evaluate', 'onnx', None, ['--precision', 'fp32']),
        ('evaluate', 'pt', None, []),
        ('export', 'pt', 'a.fp32.onnx', []),
        ('fp16', 'pt', 'a.pt', []),
        ('quantize', 'onnx', 'a.int8.onnx',
         ['--measure', 'val', '--method', 'max', '--split', 'train']),
    ],
)  # fmt: skip
def test_miou_is_that_of_the_dataset_with_the_models_order_of_classes(
    capsys, finished_run, exported, folder_root, reversed_root, tmp_path, command, source, out,
    more,
):  # fmt: skip
    model = {'onnx': exported, 'pt': finished_run.trained}[source]
    output = ['-o', tmp_path / out] if out else []
    words = [command, model, *output, '--dataset', 'folder', *more]
    expected = command_json(capsys, *words, '--root', folder_root)
    assert main([*map(str, words), '--root', str(reversed_root)]) == 1
    assert 'match the classes by name with --match-names' in capsys.readouterr().err
    found = command_json(capsys, *words, '--root', reversed_root, '--match-names')
    key = 'miou_after' if command == 'quantize' else 'miou'
    assert found[key] == pytest.approx(expected[key], abs=1e-9)
    assert expected[key] > 0.1


def test_contact_sheet_shows_the_truth_in_the_models_colors(
    exported, folder_root, reversed_root, tmp_path
):
    words = ['visualize', str(exported), '--dataset', 'folder', '--indices', '0']
    words += ['--show', 'truth']
    sheets = []
    for root, more in ((folder_root, []), (reversed_root, ['--match-names'])):
        out = tmp_path / f'{root.name}.png'
        assert main([*words, '--root', str(root), '-o', str(out), *more]) == 0
        sheets.append(cv2.imread(str(out)))
    assert np.array_equal(*sheets)
    assert main([*words, '--root', str(reversed_root), '-o', str(tmp_path / 'c.png')]) == 1
