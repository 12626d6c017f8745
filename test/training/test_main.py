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


"""The command line: every mistake of a user prints one line and exits with code 1."""

from collections.abc import Callable
from pathlib import Path
import subprocess
import sys

import cv2
from helpers.checkout import ROOT
from helpers.tiny_model import write_tiny_model
from helpers.tiny_training import tiny_checkpoint, write_config, write_folder
import numpy as np
import pytest
from training.__main__ import ALIASES, COMMANDS, main
from training.run.checkpoint import save_checkpoint

# Command lines in a folder with a configuration, a checkpoint and a dataset, and their errors.
MISTAKES = [
    ('trian', "unknown command 'trian'; did you mean 'train'"),
    ('count nowhere.yaml', 'configuration not found: nowhere.yaml'),
    ('count nowhere.pt', 'checkpoint not found: nowhere.pt'),
    ('count tiny.yaml', 'model.classes is None, expected the number of classes of your folder'),
    ('count typo.yaml', "unknown key in train 'epoch'; did you mean 'epochs'"),
    ('count broken.yaml', 'expected valid YAML'),
    ('count unknown.yaml', "unknown dataset 'camvit'; did you mean 'camvid'"),
    ('train nowhere.yaml --out run', 'configuration not found: nowhere.yaml'),
    ('train typo.yaml --out run', "did you mean 'epochs'"),
    ('train tiny.yaml --out run', '--root is None, expected the folder of the folder dataset'),
    ('train tiny.yaml --out run --root nowhere', 'folder of the folder dataset not found'),
    ('train tiny.yaml --out tiny.pt --root set', "--out is 'tiny.pt', expected a folder"),
    ('train tiny.yaml --out tiny.pt/run --root set', 'Not a directory: tiny.pt/run'),
    ('train tiny.yaml --out run --root set --set train.epochs', 'expected section.key=value'),
    ('train tiny.yaml --out run --root set --set train.epochs=x', "train.epochs is 'x'"),
    ('train tiny.yaml --out run --root set --set loss.name=focal', "unknown loss 'focal'"),
    ('train tiny.yaml --out run --root set --set optimizer.name=adma', "did you mean 'adam'"),
    ('train tiny.yaml --out run --root set --set model.encoder=resnet', 'unknown encoder'),
    ('train tiny.yaml --out run --root set --set data.val_split=test', 'folder not found'),
    ('train tiny.yaml --out run --root set --set train.batch_size=9', 'train.batch_size is 9'),
    ('train tiny.yaml --out run --root set --init nowhere.pt', 'checkpoint not found'),
    ('train tiny.yaml --out run --root set --init cut.pt', 'cut.pt: it is damaged'),
    ('train tiny.yaml --out run --root ids', 'contains label ids 9, the class table has 0 to 2'),
    ('train tiny.yaml --out run --root ids --set train.workers=1', 'contains label ids 9'),
    ('export nowhere.pt -o a.onnx', 'checkpoint not found: nowhere.pt'),
    ('export cut.pt -o a.onnx', 'cannot use checkpoint cut.pt: it is damaged'),
    ('export tiny.yaml -o a.onnx', 'cannot use checkpoint tiny.yaml: it is damaged'),
    ('export tiny.pt -o nowhere/a.onnx', 'folder not found: nowhere'),
    ('export tiny.pt -o set', "--out is 'set', expected a file, not a folder"),
    ('export tiny.pt -o a.onnx --dataset foldr', "unknown dataset 'foldr'"),
    ('evaluate nowhere.pt --dataset folder --root set', 'checkpoint not found: nowhere.pt'),
    ('evaluate nowhere.onnx --dataset folder --root set', "model not found: 'nowhere.onnx'"),
    ('evaluate cut.pt --dataset folder --root set', 'cut.pt: it is damaged'),
    ('evaluate cut.onnx --dataset folder --root set', 'cannot use model cut.onnx'),
    ('evaluate tiny.yaml --dataset folder --root set', 'cannot use model tiny.yaml'),
    ('evaluate tiny.pt --dataset foldr --root set', "unknown dataset 'foldr'; did you mean"),
    ('evaluate tiny.pt --dataset folder', '--root is None, expected the folder'),
    ('evaluate tiny.pt --dataset folder --root nowhere', 'dataset not found: nowhere'),
    ('evaluate tiny.pt --dataset folder --root set --split test', 'folder not found'),
    ('evaluate tiny.pt --dataset camvid --root set --split test', 'not found: set/test/images'),
    ('evaluate tiny.pt --dataset cityscapes --root set', 'folder not found: set/leftImg8bit'),
    ('evaluate tiny.pt --dataset ade20k --root set', 'folder not found: set/images/validation'),
    ('evaluate tiny.pt --dataset ade20k --root set --split test', "split is 'test', expected"),
    ('evaluate tiny.pt --dataset warehouse --option frames=1', 'they differ in box, class0'),
    ('evaluate tiny.pt --dataset warehouse --option frames', "--option is 'frames', expected KEY"),
    ('evaluate tiny.pt --dataset warehouse --option frame=1', "did you mean 'frames'"),
    ('evaluate tiny.pt --dataset warehouse --option frames=[', 'expected a value in YAML'),
    ('evaluate tiny.pt --dataset folder --root ids', 'contains label ids 9'),
    ('evaluate tiny.pt --dataset folder --root unlabeled', 'no label for image'),
    ('evaluate tiny.pt --dataset folder --root empty', 'no images in empty/val/images'),
    ('evaluate tiny.pt --dataset folder --root sizes', 'is 5x7 pixels, expected 96x64'),
    ('evaluate tiny.pt --dataset folder --root corrupt', "is 'unreadable', expected an image"),
    ('evaluate tiny.pt --dataset folder --root table', 'expected a list of {name, rgb}'),
    (
        'evaluate tiny.onnx --dataset folder --root set',
        'has 5 classes and the dataset 3',
    ),
    ('evaluate tiny.onnx --dataset folder --root set --precision int3', "precision 'int3'"),
    ('evaluate tiny.onnx --dataset folder --root set --threads=-1', 'threads is -1, expected'),
    ('render out --split trian', "split is 'trian', expected one of train, val, test, demo"),
    ('render tiny.pt/out --frames 1', 'Not a directory: tiny.pt/out'),
    ('render out --frames 0', 'frames is 0, expected a number from 1'),
    ('render tiny.pt --frames 1', "out is 'tiny.pt', expected a folder"),
]


def write_damaged_folder(folder: Path, change: Callable[[Path], object]) -> None:
    """Write a dataset with the first label image of each split changed by `change`."""
    write_folder(folder)
    for split in ('train', 'val'):
        change(folder / split / 'labels' / '000.png')


def image_of(label: Path) -> Path:
    """Return the image of a label image."""
    return label.parents[1] / 'images' / label.name


def remove_images(label: Path) -> None:
    """Remove all images of a split."""
    for path in image_of(label).parent.iterdir():
        path.unlink()


@pytest.fixture(scope='module')
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with valid and invalid files of every kind."""
    folder = tmp_path_factory.mktemp('workplace')
    write_folder(folder / 'set')
    nines, small = np.full((64, 96), 9, np.uint8), np.zeros((7, 5), np.uint8)
    write_damaged_folder(folder / 'ids', lambda label: cv2.imwrite(str(label), nines))
    write_damaged_folder(folder / 'sizes', lambda label: cv2.imwrite(str(label), small))
    write_damaged_folder(folder / 'unlabeled', lambda label: label.unlink())
    write_damaged_folder(
        folder / 'corrupt', lambda label: image_of(label).write_bytes(b'no image')
    )
    write_damaged_folder(folder / 'empty', remove_images)
    write_damaged_folder(
        folder / 'table', lambda label: (folder / 'table/classes.yaml').write_text('classes: 3')
    )
    save_checkpoint(tiny_checkpoint(), folder / 'tiny.pt')
    write_tiny_model(folder / 'tiny.onnx')
    for name in ('tiny.pt', 'tiny.onnx'):
        content = (folder / name).read_bytes()
        (folder / name.replace('tiny', 'cut')).write_bytes(content[: len(content) // 2])
    write_config(folder / 'tiny.yaml')
    write_config(folder / 'typo.yaml', train={'epoch': 3})
    write_config(folder / 'unknown.yaml', data={'dataset': 'camvit'})
    (folder / 'broken.yaml').write_text('name: [')
    return folder


@pytest.mark.parametrize(('words', 'message'), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_mistake_prints_one_line_and_exits_with_1(workplace, monkeypatch, capsys, words, message):
    monkeypatch.chdir(workplace)
    assert main(words.split()) == 1
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert message in errors[0]
    assert captured.err.rstrip('\n').endswith(errors[0])
    assert 'Traceback' not in captured.err
    assert not captured.out


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as caught:
        main([command, '--help'])
    assert caught.value.code == 0
    assert f'usage: python -m training {command}' in capsys.readouterr().out


@pytest.mark.parametrize(('former', 'name'), ALIASES.items())
def test_former_command_name_warns_and_runs_the_command(capsys, former, name):
    with pytest.raises(SystemExit) as caught:
        main([former, '--help'])
    captured = capsys.readouterr()
    assert caught.value.code == 0
    assert f'usage: python -m training {name}' in captured.out
    assert captured.err == f'warning: {former} is now called {name}\n'


def test_missing_command_prints_all_commands(capsys):
    assert main([]) == 2
    assert main(['--help']) == 0
    for line in capsys.readouterr().out.splitlines():
        assert all(command in line for command in ('train', 'export', 'evaluate', 'count'))


def test_module_runs_as_a_command(workplace):
    words = [sys.executable, '-m', 'training', 'count', 'nowhere.yaml']
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    message = 'error: configuration not found: nowhere.yaml; check the path\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, '', message)
