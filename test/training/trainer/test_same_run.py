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

"""A run goes on with the classes, data and weights that it was started with, or not at all."""

from pathlib import Path
import shutil

import cv2
from helpers.tiny_training import stopped_after, tiny_config, write_folder
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError, SwiftnetError
from training.__main__ import main
from training.run.checkpoint import CheckpointError
from training.run.folder import RunPaths
from training.trainer.train import train
import yaml

CONFIG = tiny_config(train={'epochs': 2, 'evaluate_every': 0})


@pytest.fixture(scope='module')
def started(tmp_path_factory):
    """Return a folder with the data `set` and its runs `stopped` and `finished`."""
    base = tmp_path_factory.mktemp('started')
    root = write_folder(base / 'set')
    with stopped_after(3):
        train(CONFIG, root, base / 'stopped')
    shutil.copytree(base / 'stopped', base / 'finished')
    train(CONFIG, root, base / 'finished')
    return base


@pytest.fixture(params=['stopped', 'finished'])
def run(request, started, tmp_path) -> RunPaths:
    """Return the paths of a copy of each run, next to a copy of its data."""
    shutil.copytree(started / 'set', tmp_path / 'set')
    shutil.copytree(started / request.param, tmp_path / request.param)
    return RunPaths(tmp_path / request.param)


def files_of(run: RunPaths) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.folder.rglob('*') if path.is_file()}


def changed_table(root: Path, change) -> None:
    path = root / 'classes.yaml'
    tree = yaml.safe_load(path.read_text())
    change(tree)
    path.write_text(yaml.safe_dump(tree))


def swap(tree: dict) -> None:
    tree['classes'] = [tree['classes'][i] for i in (1, 0, 2)]
    tree['source_ids'] = [1, 0, 2]


TABLES = {
    'swapped': (swap, 'class 0 of its class table had name class0 and now has class1'),
    'renamed': (
        lambda tree: tree['classes'][1].update(name='pallet'),
        'class 1 of its class table had name class1 and now has pallet',
    ),
    'fewer': (
        lambda tree: tree.update(classes=tree['classes'][:2], ignored_source_ids=[2]),
        'its class table had 3 classes and now has 2',
    ),
    'more': (
        lambda tree: tree['classes'].append({'name': 'more', 'rgb': [1, 2, 3]}),
        'its class table had 3 classes and now has 4',
    ),
    'color': (
        lambda tree: tree['classes'][2].update(rgb=[1, 2, 3]),
        r'class 2 of its class table had rgb \[50, 60, 230\] and now has \[1, 2, 3\]',
    ),
    'ids': (
        lambda tree: tree.update(source_ids=[2, 1, 0]),
        r'source_ids\) were \[0, 1, 2\], now \[2, 1, 0\]',
    ),
    'ignored': (
        lambda tree: tree.update(ignored_source_ids=[7]),
        r'its ignored_source_ids were \[\], now \[7\]',
    ),
}


@pytest.mark.parametrize('kind', TABLES)
def test_another_class_table_is_refused(run, kind):
    change, words = TABLES[kind]
    before, root = files_of(run), run.folder.parent / 'set'
    changed_table(root, change)
    with pytest.raises(CheckpointError, match=f'{words}; choose another --out or restore'):
        train(CONFIG, root, run.folder)
    assert files_of(run) == before


@pytest.mark.parametrize('kind', ['renamed', 'fewer', 'ignored'])
def test_a_run_of_an_earlier_version_knows_its_classes(run, kind):
    run.origin.unlink()
    changed_table(run.folder.parent / 'set', TABLES[kind][0])
    with pytest.raises(CheckpointError, match=TABLES[kind][1]):
        train(CONFIG, run.folder.parent / 'set', run.folder)


def test_other_images_are_refused(run):
    root = run.folder.parent / 'set'
    for kind in ('images', 'labels'):
        (root / 'train' / kind / '000.png').rename(root / 'train' / kind / '900.png')
    with pytest.raises(CheckpointError, match='its training images had other names'):
        train(CONFIG, root, run.folder)
    for kind in ('images', 'labels'):
        (root / 'train' / kind / '900.png').unlink()
    with pytest.raises(CheckpointError, match='its number of training images was 8, now 7'):
        train(CONFIG, root, run.folder)


def test_a_label_may_be_corrected_until_the_run_is_finished(run):
    root = run.folder.parent / 'set'
    path = str(root / 'train' / 'labels' / '003.png')
    label = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    label[:40, ::3] = 1
    cv2.imwrite(path, label)
    if run.trained.exists():
        with pytest.raises(CheckpointError, match='images or labels have changed since'):
            train(CONFIG, root, run.folder)
    else:
        assert train(CONFIG, root, run.folder).exists()


def test_data_that_moved_is_the_same(run):
    moved = run.folder.parent / 'moved'
    (run.folder.parent / 'set').rename(moved)
    assert train(CONFIG, moved, run.folder) == run.trained


@pytest.mark.parametrize(
    ('root', 'error'), [(None, InvalidValueError), (Path('nowhere'), FileMissingError)]
)
def test_missing_data_is_an_error(run, root, error):
    with pytest.raises(error, match='--root is None|folder of the folder dataset not found'):
        train(CONFIG, root, run.folder)


@pytest.mark.parametrize(
    ('section', 'key', 'value'),
    [('optimizer', 'lr', 0.5), ('model', 'encoder', 'resnet34'), ('augmentation', 'crop', 32)],
)
def test_another_configuration_is_refused(run, section, key, value):
    changes = {'train': {'epochs': 2, 'evaluate_every': 0}, section: {key: value}}
    words = f'its run has {section}.{key} .* and this one {value}; choose another --out or'
    with pytest.raises(CheckpointError, match=words):
        train(tiny_config(**changes), run.folder.parent / 'set', run.folder)


def test_a_longer_schedule_starts_from_the_weights_of_the_run(run):
    longer = tiny_config(train={'epochs': 3, 'evaluate_every': 0})
    root, newest = run.folder.parent / 'set', run.trained if run.trained.exists() else run.last
    words = f'epochs 2 and this one 3; .*; to train longer, take {newest} as --init of the other'
    with pytest.raises(CheckpointError, match=words):
        train(longer, root, run.folder)
    assert train(longer, root, run.folder.parent / 'longer', newest).exists()


def test_other_initial_weights_are_refused(started, tmp_path):
    root, first, second = started / 'set', started / 'finished', started / 'stopped'
    train(CONFIG, root, tmp_path / 'run', first / 'trained.pt')
    for initial in (None, first / 'trained.pt'):
        assert train(CONFIG, root, tmp_path / 'run', initial).exists()
    with pytest.raises(CheckpointError, match='it started from other weights than those of --in'):
        train(CONFIG, root, tmp_path / 'run', second / 'last.pt')
    with pytest.raises(FileMissingError, match='checkpoint not found'):
        train(CONFIG, root, tmp_path / 'run', tmp_path / 'nowhere.pt')


def test_command_refuses_in_one_line(capsys, run, tmp_path):
    config = tmp_path / 'tiny.yaml'
    config.write_text(run.config.read_text())
    root = run.folder.parent / 'set'
    changed_table(root, TABLES['more'][0])
    assert main(['train', str(config), '--root', str(root), '--out', str(run.folder)]) == 1
    out, err = capsys.readouterr()
    assert out == ''
    assert err.count('\n') == 1
    assert issubclass(CheckpointError, SwiftnetError)
