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
"""The tables of docs/model_format.md are those of the code that writes the files."""

from dataclasses import fields
import json
import re

from helpers.checkout import ROOT
from helpers.tiny_training import tiny_checkpoint
import numpy as np
import pytest
from swiftnet_ros.model_spec import Golden, ModelSpec, read_model, read_spec, SPEC_VERSION
from swiftnet_ros.model_spec.contract import (
    INPUT_NAME,
    inputs,
    IR_VERSION,
    OPSET,
    OUTPUT_NAME,
    outputs,
)
from swiftnet_ros.model_spec.onnx_file import GOLDEN_KEY, SPEC_KEY
from swiftnet_ros.model_spec.spec import FITS, MAX_SIDE, PRECISIONS, STRIDES
import torch
from training.evaluation.golden_frame import MIN_AGREEMENT
from training.quantization.histograms import METHODS
from training.run.checkpoint import save_checkpoint, VERSION

PAGE = (ROOT / 'docs' / 'model_format.md').read_text()


def rows(header: str) -> dict[str, list[str]]:
    """Return the cells of a table by its first column's names, of which a row may have several."""
    table = re.search(
        rf'^\| {re.escape(header)} \| type \|.*\n\|[-|]+\n((?:\|.*\n)+)', PAGE, re.MULTILINE
    )
    assert table is not None, header
    found = {}
    for line in table[1].splitlines():
        first, *others = (cell.strip() for cell in line.strip('|').split(' | '))
        found.update(dict.fromkeys(re.findall(r'`([^`]+)`', first), others))
    return found


def code(cell: str) -> list[str]:
    return re.findall(r'`([^`]+)`', cell)


def test_specification_has_these_keys():
    expected = {'version', *(item.name for item in fields(ModelSpec))}
    documented = rows('key')
    assert set(documented) == expected
    assert code(documented['precision'][1]) == list(PRECISIONS)
    assert code(documented['fit'][1]) == list(FITS)
    listed = map(int, re.findall(r'\d+', documented['output_stride'][1]))
    assert tuple(listed) == STRIDES
    assert f'{SPEC_VERSION}, see' in documented['version'][1]


def test_metadata_has_these_entries():
    entries = set(re.findall(r'^\| `(swiftnet_ros\.\w+)` \|', PAGE, re.MULTILINE))
    assert entries == {SPEC_KEY, GOLDEN_KEY}


def test_golden_frame_has_these_keys():
    frame, labels = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)
    documented = rows('key of the golden frame')
    assert set(documented) == set(json.loads(Golden(frame, labels, MIN_AGREEMENT).to_json()))
    assert set(code(documented['min_agreement'][1])) == set(MIN_AGREEMENT)
    demanded = re.search(
        r'demands ([\d.]+) in FP32, ([\d.]+)\s+in bf16 and FP16, and ([\d.]+)', PAGE
    )
    assert demanded is not None
    expected = (MIN_AGREEMENT[name] for name in ('fp32', 'bf16', 'int8'))
    assert [float(text) for text in demanded.groups()] == list(expected)


def test_checkpoint_has_these_keys(tmp_path):
    save_checkpoint(tiny_checkpoint(), tmp_path / 'tiny.pt')
    content = torch.load(tmp_path / 'tiny.pt', weights_only=True)
    assert set(rows('key of a checkpoint')) == set(content)
    assert rows('key of a checkpoint')['version'][1] == str(VERSION)


@pytest.mark.parametrize('name', ['indoor', 'street'])
def test_shipped_models_are_as_the_page_says(name):
    path = ROOT / 'models' / f'{name}.int8.onnx'
    spec, model = read_spec(path), read_model(path)
    record = spec.calibration
    assert record is not None
    # Their records are older than golden_agreement.
    assert set(rows('key of `calibration`')) - {'golden_agreement'} == set(record) - {
        'golden_agreement'
    }
    (image,), (logits,) = inputs(model), outputs(model)
    assert (image.name, logits.name) == (INPUT_NAME, OUTPUT_NAME)
    assert list(image.shape) == [1, spec.input_height, spec.input_width, 3]
    assert list(logits.shape) == [1, *spec.logits_shape]


def test_numbers_are_those_of_the_code():
    assert f'Opset at most {OPSET} and IR at most {IR_VERSION}' in PAGE
    assert f'at most {MAX_SIDE}' in PAGE
    assert code(rows('key of `calibration`')['method'][1]) == list(METHODS)
