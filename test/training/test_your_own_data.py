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

"""The commands of docs/your_own_data.md, in order, on small data and a small network."""

import json
import re
import shlex
import shutil

from helpers.checkout import ROOT
import pytest
from swiftnet_ros import build_engine
from swiftnet_ros.benchmark import __main__ as benchmark
from swiftnet_ros.model_spec import read_spec
from training.__main__ import main
from training.profiling import measure
from training.run.checkpoint import load_checkpoint

PAGE = ROOT / 'docs' / 'your_own_data.md'
# Arguments and configuration keys that are replaced to save time.
VALUES = {'--frames': '12', '--size': '160x96', '--count': '6', '--held-out': '4'}
TOY = {
    'model.widths': '[16, 16, 16, 24, 32]',
    'model.features': '16',
    'data.height': '96',
    'data.width': '160',
    'augmentation.crop': '96',
    'train.epochs': '2',
    'train.batch_size': '4',
    'train.ema_decay': '0.5',
    'optimizer.lr': '0.01',
}
MORE = {
    'lottery': [part for key, value in TOY.items() for part in ('--set', f'dense.{key}={value}')],
    'quantize': ['--method', 'max'],
    'bench': ['--repeats', '1'],
}


def blocks(kind):
    """Return the command lines of the page's code blocks of a kind."""
    found = re.findall(rf'^```{kind}\n(.*?)^```', PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in found for line in block.splitlines()]


def toy(words):
    small = [VALUES.get(before, word) for before, word in zip(['', *words], words, strict=False)]
    for command, more in MORE.items():
        small += more if command in small else []
    return small


def run(line):
    """Run a command of the page in this process, as starting Python takes seconds."""
    words = toy(shlex.split(line))
    if words[0] == 'cp':
        shutil.copy(*words[1:])
        return 0
    assert words[:2] == ['python', '-m']
    return {'training': main, 'swiftnet_ros.benchmark': benchmark.main}[words[2]](words[3:])


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """Return an empty folder with the checkout's configurations, and the page's commands."""
    folder = tmp_path_factory.mktemp('checkout')
    (folder / 'training').symlink_to(ROOT / 'training')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Measured by the tests of bench; each measurement starts a process.
        patch.setattr(measure, 'peak_memory_mb', lambda *_: 50.0)
        yield folder, blocks('sh')


@pytest.mark.timeout(900)
def test_every_command_runs_and_the_benchmark_reports_the_evaluated_miou(checkout, capsys):
    folder, lines = checkout
    outputs = {}
    for line in lines:
        assert run(line) == 0, line
        outputs[line.split(' -m ')[-1].split()[0:2][-1]] = capsys.readouterr().out
    evaluated = float(re.search(r'mIoU  (\S+)', outputs['evaluate'])[1])
    on_robot = json.loads(outputs['--model'].splitlines()[-1])
    assert on_robot['miou'] == pytest.approx(evaluated, abs=1e-9)
    spec = read_spec(folder / 'runs/mine/mine.int8.onnx')
    assert (spec.precision, spec.miou) == ('int8', evaluated)
    assert [item.name for item in spec.classes][:2] == ['floor', 'rack']
    runs = folder / 'runs' / 'mine'
    dense, pruned = (
        load_checkpoint(runs / f'{name}_seed0' / 'trained.pt').weights
        for name in ('dense', 'distilled_all')
    )
    stem = 'encoder.stem.conv1.weight'
    assert (dense[stem].shape[0], pruned[stem].shape[0]) == (16, 8)
    counts = json.loads((runs / 'dense_seed0' / 'class_counts.json').read_text())
    assert counts['weight']['person'] > counts['weight']['floor']
    assert '| distilled_all |' in (runs / 'table.md').read_text()


def test_page_names_existing_files_and_arguments():
    text = PAGE.read_text()
    for path in re.findall(r'training/configs/\S+\.yaml', text):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r'\]\((\S+?\.md)\)', text):
        assert (PAGE.parent / path).is_file(), path
    (launch,) = blocks('sh robot')
    words = launch.split()
    source = (ROOT / 'launch' / words[3]).read_text()
    assert all(f"'{word.split(':=')[0]}'" in source for word in words[4:])
    for line in blocks('sh engine'):
        assert build_engine.make_parser().parse_args(line.split()[3:]).precision in (
            'int8',
            'fp16',
        )
    assert blocks('sh setup')[1].split(' && ')[1] in (ROOT / 'README.md').read_text()
