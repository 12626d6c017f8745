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

from io import StringIO
import json
import os
from pathlib import Path
import subprocess
import sys

import cv2
from helpers.checkout import ROOT
from helpers.tiny_experiment import EXPERIMENT
from helpers.tiny_model import write_tiny_model
from helpers.tiny_training import tiny_checkpoint, write_config, write_folder
import numpy as np
import pytest
from training.__main__ import ALIASES, COMMANDS, main
from training.run.checkpoint import save_checkpoint
import yaml

PRUNE = 'prune tiny.pt -o p.pt --criterion context --dataset folder --crop 64 --images 4'
# Command lines in a folder with a configuration, a checkpoint and a dataset, and their errors.
MISTAKES = [
    ('trian', "unknown command 'trian'; did you mean 'train'"),
    ('count nowhere.pt', 'checkpoint not found: nowhere.pt'),
    ('count tiny.yaml', 'model.classes is None, expected the number of classes of your folder'),
    ('count typo.yaml', "unknown key in train 'epoch'; did you mean 'epochs'"),
    ('count broken.yaml', 'expected valid YAML'),
    ('train tiny.yaml --out run', '--root is None, expected the folder of the folder dataset'),
    ('train tiny.yaml --out tiny.pt --root set', "--out is 'tiny.pt', expected a folder"),
    ('train tiny.yaml --out tiny.pt/run --root set', 'Not a directory: tiny.pt/run'),
    ('train tiny.yaml --out run --root set --set loss.name=focal', "unknown loss 'focal'"),
    ('train tiny.yaml --out run --root set --init cut.pt', 'cut.pt: it is damaged'),
    ('train tiny.yaml --out run --root ids --set train.workers=1', 'contains label ids 9'),
    ('train tiny.yaml --out run --root lonely', 'labels without an image: 1 (lonely.png)'),
    ('train tiny.yaml --out run --root lonely --allow-unpaired', 'contains label ids 9'),
    ('lottery experiment.yaml --out runs --root lonely --allow-unpaired', 'label ids 9'),
    (f'{PRUNE} --root lonely', 'labels without an image: 1 (lonely.png)'),
    (f'{PRUNE} --root lonely --allow-unpaired', 'contains label ids 9'),
    ('evaluate tiny.pt --dataset folder --root lonely', 'labels without an image: 1 (lonely.p'),
    ('evaluate tiny.pt --dataset folder --root lonely --allow-unpaired', 'contains label ids 9'),
    ('export cut.pt -o a.onnx', 'cannot use checkpoint cut.pt: it is damaged'),
    ('export tiny.pt -o set', "--out is 'set', expected a file, not a folder"),
    ('export tiny.pt -o tiny.pt', "--out is 'tiny.pt', expected a .onnx file other than the in"),
    ('export tiny.onnx -o a.onnx', 'tiny.onnx: it is an ONNX model; take the .pt file'),
    ('average tiny.pt tiny.pt -o set', "--out is 'set', expected a .pt file other than the input"),
    ('average tiny.pt tiny.pt -o tiny.pt', 'expected a .pt file other than the input'),
    ('quantize tiny.onnx --images set -o tiny.onnx', 'expected a .onnx file other than the input'),
    ('quantize tiny.onnx --images set -o a.onnx --seed=-1', "--seed is '-1', expected a number"),
    ('finetune_int8 tiny.onnx b.onnx --images set -o b.onnx', 'a .onnx file other than the input'),
    ('fp16 tiny.onnx -o tiny.onnx', 'a .onnx file other than the input'),
    ('lottery experiment.yaml --out runs --seeds -1', "--seed is '-1', expected a number of 0"),
    ('evaluate nowhere.onnx --dataset folder --root set', "model not found: 'nowhere.onnx'"),
    ('evaluate cut.onnx --dataset folder --root set', 'cannot use model cut.onnx'),
    ('evaluate tiny.yaml --dataset folder --root set', 'cannot use model tiny.yaml'),
    ('evaluate tiny.pt --dataset warehouse --option frames', "--option is 'frames', expected KEY"),
    ('evaluate tiny.pt --dataset warehouse --option frames=[', 'expected valid YAML'),
    ('evaluate tiny.pt --dataset folder --root ids', 'contains label ids 9'),
    ('evaluate tiny.onnx --dataset folder --root set --precision int3', "precision 'int3'"),
    ('evaluate tiny.onnx --dataset folder --root set --threads=-1', 'threads is -1, expected'),
    ('render out --split trian', "split is 'trian', expected one of train, val, test, demo"),
    ('render tiny.pt/out --frames 1', 'Not a directory: tiny.pt/out'),
    ('render out --frames 0', 'frames is 0, expected a number from 1'),
    ('render tiny.pt --frames 1', "out is 'tiny.pt', expected a folder"),
]


@pytest.fixture(scope='module')
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('workplace')
    write_folder(folder / 'set')
    for name in ('ids', 'lonely'):
        write_folder(folder / name)
        for path in (folder / name).glob('*/labels/*.png'):
            cv2.imwrite(str(path), np.full((64, 96), 9, np.uint8))
    for split in ('train', 'val'):
        (folder / 'lonely' / split / 'labels' / 'lonely.png').touch()
    (folder / 'experiment.yaml').write_text(yaml.safe_dump(EXPERIMENT))
    save_checkpoint(tiny_checkpoint(), folder / 'tiny.pt')
    write_tiny_model(folder / 'tiny.onnx')
    for name in ('tiny.pt', 'tiny.onnx'):
        content = (folder / name).read_bytes()
        (folder / name.replace('tiny', 'cut')).write_bytes(content[: len(content) // 2])
    write_config(folder / 'tiny.yaml')
    write_config(folder / 'typo.yaml', train={'epoch': 3})
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


@pytest.mark.parametrize(
    ('line', 'expected'),
    [
        ('python -m training ev', ['evaluate']),
        ('python -m training evaluate --roo', ['--root']),
        ('python -m training evaluate ', []),
    ],
)
def test_shell_completes_commands_and_options(tmp_path, line, expected):
    pytest.importorskip('argcomplete', reason='argcomplete is not installed')
    result = tmp_path / 'completions'
    asked = {'_ARGCOMPLETE': '3', '_ARGCOMPLETE_IFS': '\n', '_ARGCOMPLETE_STDOUT_FILENAME': result}
    environment = {**os.environ, **asked, 'COMP_LINE': line, 'COMP_POINT': str(len(line))}
    subprocess.run([sys.executable, '-m', 'training'], cwd=ROOT, env=environment, check=True)
    assert result.read_text().split() == expected


def test_bar_is_on_stderr_and_json_on_stdout(workplace, monkeypatch, capsys):
    terminal = StringIO()
    terminal.isatty = lambda: True
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, 'stderr', terminal)
    assert main(['evaluate', 'tiny.pt', '--dataset', 'folder', '--root', 'set', '--json']) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])['images'] == 3
    assert 'evaluate: 100%' in terminal.getvalue() and '3/3' in terminal.getvalue()


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
