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

"""The command that labels images: precision on scenes of known truth, teachers, resuming."""

import json
import os
from types import SimpleNamespace

import cv2
from helpers.tiny_tflite import write_tflite
from helpers.tiny_training import CLASSES, command_json, tiny_checkpoint, write_folder
import numpy as np
import pytest
from training.__main__ import main
from training.datasets import open_dataset
from training.pseudo_labels import tflite
from training.run.checkpoint import save_checkpoint
import yaml

NO_TFLITE = 'ai-edge-litert is not installed here: scripts/test.sh brings it'


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """Return a folder of rendered images with labels and boxes."""
    folder = tmp_path_factory.mktemp('scenes')
    options = ['--split', 'test', '--frames', '3', '--size', '640x360', '--boxes']
    indoor = ['--classes', 'indoor', '--remap', 'rack=furniture', '--remap', 'box=object']
    assert main(['render', str(folder), *options, *indoor, '--remap', 'forklift=vehicle']) == 0
    return folder


@pytest.fixture
def small(tmp_path):
    """Return a tiny checkpoint and a folder of images for it."""
    save_checkpoint(tiny_checkpoint(), tmp_path / 'tiny.pt')
    images = write_folder(tmp_path / 'set') / 'train' / 'images'
    fast = ['--scales', '1', '--no-flip', '--threshold', '0.5']
    out = tmp_path / 'out'
    call = ['pseudo_label', tmp_path / 'tiny.pt', '--images', images, '-o', out, *fast]
    return SimpleNamespace(images=images, out=out, call=[str(word) for word in call])


def test_what_is_kept_of_rendered_scenes_is_right(scenes, capsys, tmp_path):
    given = ['--images', scenes / 'images', '--boxes', scenes / 'boxes', '--map', 'warehouse']
    measured = ['--truth', scenes / 'labels', '--scales', 1, '-o', tmp_path / 'out']
    result = command_json(capsys, 'pseudo_label', 'indoor', *given, *measured)
    assert result['precision'] > 0.97
    found = [value for value in result['precision_by_class'].values() if value is not None]
    assert len(found) >= 7 and min(found) > 0.9
    assert result['labeled'] > 0.6
    dataset = open_dataset('folder', tmp_path / 'out', 'train')
    assert len(dataset) == 3 == result['images']
    truth = cv2.imread(str(scenes / 'labels' / f'{dataset[0].name}.png'), cv2.IMREAD_UNCHANGED)
    kept = dataset[0].label != 255
    assert np.mean(dataset[0].label[kept] == truth[kept]) > 0.95


def test_finished_images_are_skipped(small, capsys):
    first = command_json(capsys, *small.call)
    labels = sorted((small.out / 'train' / 'labels').iterdir())
    assert len(labels) == 8 == first['images']
    assert (small.out / 'train' / 'images' / '000.png').resolve() == small.images / '000.png'
    labels[0].unlink()
    times = [path.stat().st_mtime_ns for path in labels[1:]]
    assert command_json(capsys, *small.call) == first
    assert labels[0].exists() and times == [path.stat().st_mtime_ns for path in labels[1:]]
    table = yaml.safe_load((small.out / 'classes.yaml').read_text())
    assert [item['name'] for item in table['classes']] == [item.name for item in CLASSES]


def test_other_options_need_another_folder(small, capsys):
    assert main(small.call) == 0
    assert main([*small.call, '--threshold', '0.7']) == 1
    assert 'a new folder, or one with the same threshold' in capsys.readouterr().err
    assert main([*small.call, '--threshold', '0.7', '--split', 'more']) == 0
    (small.out / 'classes.yaml').write_text('classes: [{name: a, rgb: [1, 2, 3]}]\n')
    assert main([*small.call, '--split', 'third']) == 1
    assert 'a folder whose classes.yaml has these classes' in capsys.readouterr().err


def test_bad_files_are_left_out_by_name(small, capsys, tmp_path):
    boxes = tmp_path / 'boxes'
    boxes.mkdir()
    for index in range(7):
        (boxes / f'{index:03d}.txt').write_text('0 0.5 0.5 0.5 0.5\n')
    (boxes / '003.txt').write_text('9 0.5 0.5 0.5 0.5\n')
    (small.images / '002.png').write_bytes(b'no image')
    label_map = {'boxes': [{'name': 'a', 'label': 'class1', 'fill': 0.6}]}
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(label_map))
    extra = ['--boxes', str(boxes), '--map', str(tmp_path / 'map.yaml'), '--copy']
    assert main([*small.call, *extra, '--json']) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out.splitlines()[-1])
    assert (result['images'], result['left_out']) == (6, 2)
    assert 'left out: cannot read image' in captured.err and '002.png' in captured.err
    assert '003.txt, line 1: class 9; expected 0 to 0' in captured.err
    assert '1 images without a file of boxes have none' in captured.err
    dataset = open_dataset('folder', small.out, 'train')
    assert len(dataset) == 6
    # The core of the box in the middle, and nothing else inside.
    assert dataset[0].label[32, 48] == 1
    assert set(np.unique(dataset[0].label[18:46, 26:70])) <= {1, 255}
    assert not (small.out / 'train' / 'images' / '000.png').is_symlink()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--boxes', '.'], '--boxes also needs --map'),
        (['--scales', '9'], '--scales is [9.0]'),
        (['--images', 'nowhere'], 'folder of images not found: nowhere'),
        (['--map', 'locco'], 'label map not found: locco'),
        (['--truth', '.'], 'no images in .'),
    ],
)
def test_mistake_of_the_command_is_one_line(small, capsys, words, message):
    assert main([*small.call, *words]) == 1
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize('returns', ['ids', 'scores'])
def test_teacher_in_tensorflow_lite_is_mapped_by_name(tmp_path, capsys, returns):
    pytest.importorskip('ai_edge_litert', reason=NO_TFLITE)
    names = ('road', 'vegetation', 'terrain')
    table = {'classes': [{'name': name, 'rgb': [i, i, i]} for i, name in enumerate(names)]}
    (tmp_path / 'teacher.yaml').write_text(yaml.safe_dump(table))
    label_map = {'model_classes': str(tmp_path / 'teacher.yaml'), 'classes': 'camvid'}
    label_map['remap'] = {'vegetation': 'tree'}
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(label_map))
    (tmp_path / 'images').mkdir()
    # Red, green and blue; the last one's class is not one of CamVid's.
    pixels = np.repeat(np.eye(3, dtype=np.uint8) * 255, 20, 0)[None].repeat(30, 0)
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), pixels[..., ::-1])
    model = write_tflite(tmp_path / 'teacher.tflite', returns)
    given = ['--images', tmp_path / 'images', '--map', tmp_path / 'map.yaml']
    command_json(capsys, 'pseudo_label', model, *given, '-o', tmp_path / 'out', '--scales', 1)
    label = open_dataset('folder', tmp_path / 'out', 'train')[0].label
    assert label[15, [5, 30, 55]].tolist() == [3, 5, 255]


def test_file_that_is_no_teacher_is_one_line(tmp_path, capsys, small):
    pytest.importorskip('ai_edge_litert', reason=NO_TFLITE)
    (tmp_path / 'cut.tflite').write_bytes(b'\x1c\x00\x00\x00TFL3')
    label_map = tmp_path / 'map.yaml'
    label_map.write_text('model_classes: cityscapes\n')
    floats = write_tflite(tmp_path / 'floats.tflite', kind='FLOAT32')
    ids = write_tflite(tmp_path / 'ids.tflite')
    for model, words, given in (
        (tmp_path / 'cut.tflite', 'cannot use model', ['--map', label_map]),
        (floats, 'expected uint8 [1, H, W, 3]; convert', ['--map', label_map]),
        (ids, 'model_classes of the label map is None', []),
        (
            tmp_path / 'tiny.pt',
            'model_classes of the label map cannot be combined',
            ['--map', label_map],
        ),
        (tmp_path / 'none.tflite', 'model not found', ['--map', label_map]),
    ):
        call = ['pseudo_label', model, '--images', small.images, '-o', tmp_path / 'o', *given]
        assert main(list(map(str, call))) == 1
        error = capsys.readouterr().err.strip().splitlines()
        assert words in error[-1] and error[-1].startswith('error'), error


def test_missing_interpreter_is_named(tmp_path, monkeypatch, capsys, small):
    def missing(name):
        raise ImportError(f'No module named {name}')

    monkeypatch.setattr(tflite, 'import_module', missing)
    (tmp_path / 'a.tflite').write_bytes(b'TFL3')
    call = ['pseudo_label', tmp_path / 'a.tflite', '--images', small.images, '-o', tmp_path / 'o']
    assert main(list(map(str, call))) == 1
    assert "pip install 'swiftnet_ros[tflite]'" in capsys.readouterr().err


def test_links_that_moved_are_made_again(small, tmp_path):
    assert main(small.call) == 0
    link = small.out / 'train' / 'images' / '001.png'
    link.unlink()
    os.symlink(tmp_path / 'gone.png', link)
    (small.out / 'train' / 'labels' / '001.png').unlink()
    assert main(small.call) == 0
    assert link.resolve() == small.images / '001.png'
