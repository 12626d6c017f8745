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

from io import BytesIO
import os
import pickle
import zipfile

from helpers.tiny_training import tiny_checkpoint
import pytest
import torch
from training.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint


class Code:
    """An object whose pickle runs a command."""

    def __reduce__(self):
        return os.mkdir, ('made_by_a_checkpoint',)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Write a valid checkpoint."""
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tiny_checkpoint(), tmp_path / 'a.pt')
    return tmp_path / 'a.pt'


def stored(path):
    return torch.load(path, weights_only=True)


def first_weight(content):
    return next(name for name, value in content['weights'].items() if value.dim() == 4)


def with_weight(path, value):
    content = stored(path)
    torch.save({**content, 'weights': {**content['weights'], first_weight(content): value}}, path)


def compressed(path):
    """Write it again, compressed, with a tensor of a gigabyte of zeros in a megabyte."""
    source = zipfile.ZipFile(BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if entry.filename.endswith('/data/0'):
                with target.open(entry.filename, 'w', force_zip64=True) as file:
                    for _ in range(100):
                        file.write(bytes(10_000_000))
            else:
                target.writestr(entry.filename, source.read(entry))


def legacy(path):
    """Write it again as torch before 1.6 did."""
    torch.save(stored(path), path, _use_new_zipfile_serialization=False)


def changed(section, **values):
    def change(path):
        content = stored(path)
        inner = content if section is None else content[section]
        inner.update(values)
        torch.save(content, path)

    return change


@pytest.mark.parametrize(
    ('damage', 'reason'),
    [
        (compressed, 'it is compressed'),
        (legacy, 'has the format of torch before 1.6; convert it: python -c'),
        (lambda path: path.write_bytes(pickle.dumps(Code())), 'not a zip file'),
        (lambda path: torch.save(Code(), path), 'it needs posix mkdir'),
        (
            lambda path: with_weight(path, torch.zeros(1).expand(10**6, 10**6)),
            'larger than the fi',
        ),
        (lambda path: with_weight(path, torch.empty(3, device='meta')), 'it needs torch'),
        (lambda path: with_weight(path, torch.zeros(4, 3, 3, 3).to_sparse()), 'it needs torch'),
        (lambda path: with_weight(path, torch.zeros(4, dtype=torch.complex64)), 'torch.complex64'),
        (lambda path: with_weight(path, torch.tensor(1.0)), 'its weights do not fit'),
        (lambda path: with_weight(path, torch.tensor(float('nan'))), 'NaN'),
        (changed('model', features=10**7), 'model.features is 10000000'),
        (changed('model', widths=[10**6] * 5), 'model.widths is'),
        (changed('model', widths=[8] * 4), 'model.widths is'),
        (changed('model', levels=10**6), 'model.levels is'),
        (changed(None, height=-8), 'checkpoint.height is -8'),
        (changed(None, width=10**9), 'checkpoint.width is 1000000000'),
        (changed(None, classes=[]), 'checkpoint.classes is'),
        (changed(None, trained_on='a\n\x1b[31m'), 'checkpoint.trained_on is'),
        (changed(None, miou=7.0), 'checkpoint.miou is'),
        (changed(None, version=torch.zeros(2)), 'is not a swiftnet_ros checkpoint'),
    ],
)
def test_damaged_checkpoint_raises_one_line_with_its_name(path, damage, reason):
    damage(path)
    with pytest.raises(
        CheckpointError, match=f'cannot use checkpoint {path}: .*{reason}'
    ) as error:
        load_checkpoint(path)
    assert '\n' not in str(error.value)
    assert not os.path.exists('made_by_a_checkpoint')


def test_weights_of_integers_raise(path):
    content = stored(path)
    weight = content['weights'][first_weight(content)]
    with_weight(path, weight.to(torch.int64))
    with pytest.raises(CheckpointError, match='are of type torch.int64'):
        load_checkpoint(path)


def test_loaded_tensors_do_not_depend_on_the_file(path):
    checkpoint = load_checkpoint(path)
    before = {name: weight.clone() for name, weight in checkpoint.weights.items()}
    with path.open('r+b') as file:
        file.write(b'\xff' * path.stat().st_size)
    assert all(torch.equal(checkpoint.weights[name], weight) for name, weight in before.items())


def test_onnx_model_in_place_of_a_checkpoint_is_named_as_such(tmp_path):
    (tmp_path / 'a.onnx').write_bytes(b'x')
    with pytest.raises(CheckpointError, match=r'a\.onnx: it is an ONNX model; take the \.pt file'):
        load_checkpoint(tmp_path / 'a.onnx')
