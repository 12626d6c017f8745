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

"""A model card has the figures of its JSON files and the terms of everything it was made from."""

from dataclasses import replace
import json
from pathlib import Path
import re
import shutil
from typing import Any

import cv2
from helpers.checkout import ROOT
import numpy as np
import pytest
from swiftnet_ros.model_spec import read_golden, read_model, read_spec, write_model
from training.__main__ import main
from training.evaluation.complexity import count_complexity
from training.export import export
from training.report.card import CardText
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.schema.from_yaml import dataclass_from_tree, load_mapping
import yaml

SHA = 'ab' * 32
TEXT: dict[str, Any] = {
    'about': 'Three colors.',
    'terms': 'These weights have the terms of their data.',
    'commit': '0123abc',
    'limits': ['glass and mirrors', 'stairs'],
    'sources': [{'name': 'folder', 'what': '8 drawn images', 'terms': 'CC0'}],
    'evaluations': [{'folder': '.', 'on': '3 drawn images', 'by_image': ['class0']}],
    'runs': ['run'],
    'commands': 'python -m training train run/config.yaml',
    'pretrained': {'name': 'ImageNet MobileNetV2', 'license': 'Apache-2.0'},
    'dense': 'dense.json',
    'export': 'export.json',
    'faults': 'faults',
    'bench': ['bench.json'],
    'images': ['labels.png'],
}


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture(scope='module')
def folder(finished_run, tmp_path_factory) -> Path:
    """Return a folder with the files of a model, and in `results` what was measured."""
    folder = tmp_path_factory.mktemp('card')
    results = folder / 'results'
    checkpoint = replace(load_checkpoint(finished_run.trained), pretrained_sha256=SHA)
    source = folder / 'tiny.fp32.onnx'
    export(checkpoint, source, 'tiny', checkpoint.height, checkpoint.width)
    record = {'count': 5, 'source': 'folder train', 'method': 'max', 'weight_bits': 7,
              'layers_float': ['head.2'], 'finetuning': {}}  # fmt: skip
    spec = replace(read_spec(source), precision='int8', calibration=record)
    write_model(read_model(source), folder / 'tiny.int8.onnx', spec, read_golden(source))
    save_checkpoint(checkpoint, folder / 'tiny.pt')
    (results / 'run').mkdir(parents=True)
    shutil.copy(finished_run.config, results / 'run')
    found = count_complexity(checkpoint.network(), checkpoint.height, checkpoint.width)
    size = [checkpoint.height, checkpoint.width]
    dense = {'params': 1234, 'conv_gmacs': 2 * found.conv_gmacs, 'size': size}
    write_json(results / 'dense.json', dense)
    for precision, miou, ece in (('fp32', 0.75, 0.0123), ('int8', 0.7, None)):
        iou = {'class0': 0.5, 'class1': None, 'class2': None}
        by_image = {'class0': {'images': 3, 'mean': 0.25, 'worst_tenth': 0.125}}
        content = {'miou': miou, 'iou': iou, 'images': 3, 'ece': ece, 'by_image': by_image}
        write_json(results / f'evaluate_{precision}.json', content)
    confidence = {'temperature': 1.25, 'ece_before': 0.0512, 'ece_after': 0.0123,
                  'labels_changed': 0, 'measured_on': '3 images of folder val'}  # fmt: skip
    write_json(results / 'export.json', {'confidence': confidence})
    write_json(results / 'faults' / '0.json', {'miou': 0.75})
    write_json(results / 'faults' / '1.json', {'miou': 0.5, 'faults': ['gamma=2', 'noise=12']})
    cases = [
        {'model': name, 'used_precision': used, 'engine_ms': {'median': median}}
        for name, used, median in (('tiny', 'fp32', 12.34), ('tiny', 'int8', 5.5), ('b', 'x', 1))
    ]
    machine = {'cpu': 'AMD EPYC', 'threads': 2, 'flags': ['avx2', 'avx512_vnni']}
    write_json(results / 'bench.json', {'machine': machine, 'cases': cases})
    cv2.imwrite(str(results / 'labels.png'), np.zeros((4, 4, 3), np.uint8))
    return folder


def write_card(folder: Path, **changes: Any) -> Path:
    """Write card.yaml and return it; None removes a key."""
    tree = {key: value for key, value in {**TEXT, **changes}.items() if value is not None}
    path = folder / 'results' / 'card.yaml'
    path.write_text(yaml.safe_dump(tree))
    return path


def run(folder: Path, **changes: Any) -> tuple[int, Path]:
    out = folder / 'tiny.md'
    words = [folder / 'tiny', write_card(folder, **changes), '-o', out]
    return main(['card', *map(str, words)]), out


def test_card_has_every_figure(folder):
    code, out = run(folder)
    text = out.read_text()
    assert code == 0
    for line in (
        '# tiny',
        'Three colors.',
        '| classes | class0, class1, class2 |',
        '| input | 96x64, to which images of any size are stretched |',
        '| INT8 | 5 calibration images of folder train, method max, 7 bits for weights, in float: '
        'head.2, fine-tuned (QAT) |',
        '| expected calibration error | 0.051 before, 0.012 after temperature 1.25 (3 images of '
        'folder val) |',
        '| inference in ms on 2 threads of AMD EPYC (avx2 avx512_vnni) | fp32 12.3, int8 5.50 |',
        f'| pretrained encoder | ImageNet MobileNetV2, Apache-2.0, SHA-256 `{SHA}` |',
        '| folder | 8 drawn images | CC0 |',
        'These weights have the terms of their data.',
        'Code of commit 0123abc.',
        '| [tiny](results/run/config.yaml) | 20 | 4 | 0.01 | 0 |  |',
        'python -m training train run/config.yaml',
        '## IoU on 3 drawn images',
        '| class | fp32 | int8 |',
        '| class0 | 0.500 | 0.500 |',
        '| class1, class2 | absent | absent |',
        '| **mIoU** | 0.750 | 0.700 |',
        '| calibration error | 0.012 | not measured |',
        '| class0, mean of images | 0.250 | 0.250 |',
        '| class0, worst tenth of images | 0.125 | 0.125 |',
        '| gamma=2, noise=12 | 0.500 |',
        '- glass and mirrors',
        '![label images](results/labels.png)',
    ):
        assert line in text.splitlines(), line
    checkpoint = load_checkpoint(folder / 'tiny.pt')
    count = count_complexity(checkpoint.network(), checkpoint.height, checkpoint.width)
    gmacs, dense = f'{count.conv_gmacs:.2f}', f'{2 * count.conv_gmacs:.2f}'
    assert f'convolutions {gmacs} GMACs (dense: 1 234; {dense}; 50% pruned)' in text
    assert '`tiny.int8.onnx` (' in text and '`tiny.pt` (' in text


def test_card_without_optional_files_is_shorter(folder):
    keys = ('dense', 'export', 'faults', 'bench', 'images')
    code, out = run(folder, **dict.fromkeys(keys))
    text = out.read_text()
    assert code == 0
    assert 'dense' not in text and 'ms on' not in text and '![' not in text


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'sources': []}, 'sources is [], expected folder too'),
        ({'pretrained': None}, f'expected name and license of the file {SHA}'),
        ({'terms': None}, 'card.yaml: terms is'),
        ({'dense': 'export.json'}, 'params'),
        ({'term': 'x'}, "did you mean 'terms'"),
        ({'limits': 5}, 'limits is 5'),
        ({'runs': ['nowhere']}, 'nowhere/config.yaml'),
        ({'evaluations': [{'folder': 'run', 'on': 'x'}]}, 'run/evaluate_fp32.json'),
        ({'bench': ['nowhere.json']}, 'nowhere.json'),
        ({'images': ['nowhere.png']}, 'nowhere.png'),
        ({'export': 'bench.json', 'bench': ['export.json']}, 'machine'),
    ],
)
def test_what_is_missing_is_one_line(capsys, folder, changes, message):
    code, _ = run(folder, **changes)
    error = capsys.readouterr().err
    assert code == 1
    assert error.startswith('error: ') and error.count('\n') == 1
    assert message in error


@pytest.mark.parametrize(
    ('cases', 'message'),
    [
        ([], 'expected cases of tiny'),
        ([{'model': 'tiny', 'used_precision': 'fp32'}], 'engine_ms'),
        ([{'model': 'tiny', 'used_precision': 'fp32', 'engine_ms': {'median': 'x'}}], 'median'),
        ([5], 'cases'),
    ],
)
def test_another_file_of_bench_is_one_line(capsys, folder, cases, message):
    machine = {'cpu': 'AMD EPYC', 'threads': 2, 'flags': []}
    write_json(folder / 'results' / 'other.json', {'machine': machine, 'cases': cases})
    assert run(folder, bench=['other.json'])[0] == 1
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1


def test_documented_text_is_read(tmp_path):
    page = (ROOT / 'docs' / 'training.md').read_text()
    (text,) = re.findall(r'```yaml\n(about: .*?)```', page, re.DOTALL)
    (tmp_path / 'card.yaml').write_text(text)
    card = dataclass_from_tree(CardText, load_mapping(tmp_path / 'card.yaml', 'card'), '')
    assert card.evaluations[0].on == 'NYU Depth V2, 145 validation images'
    assert card.runs == ['people', 'pruned', '.']
