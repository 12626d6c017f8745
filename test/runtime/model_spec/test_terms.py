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

"""The terms of an existing model: stated by the command, with nothing else changed."""

from dataclasses import replace

from helpers.tiny_model import write_golden_model
import onnx
import pytest
from swiftnet_ros.model_spec import read_model_file, read_spec
from swiftnet_ros.model_spec.__main__ import main
from swiftnet_ros.segmenter import open_model


@pytest.fixture
def model(tmp_path):
    """Return the path of a model with a golden frame and without terms."""
    return write_golden_model(tmp_path / 'model.onnx', miou=0.25)


def test_terms_are_set_and_everything_else_stays(model, tmp_path):
    out, before = tmp_path / 'out.onnx', read_model_file(model)
    assert main([str(model), '--license', 'CC-BY-4.0', '--terms', 'name us', '-o', str(out)]) == 0
    after = read_model_file(out)
    assert after.spec == replace(before.spec, license='CC-BY-4.0', terms='name us')
    one, other = onnx.load(str(model)), onnx.load(str(out))
    for file in (one, other):
        kept = [item for item in file.metadata_props if item.key != 'swiftnet_ros.model_spec']
        del file.metadata_props[:]
        file.metadata_props.extend(kept)
    assert len(one.metadata_props) == 1 and one == other
    with open_model(out) as segmenter:
        assert (segmenter.spec.license, segmenter.spec.terms) == ('CC-BY-4.0', 'name us')


def test_a_file_is_changed_in_place_and_one_of_both_stays(model):
    for options in (['--license', 'MIT'], ['--terms', 'as MIT says']):
        assert main([str(model), *options, '-o', str(model)]) == 0
    assert (read_spec(model).license, read_spec(model).terms) == ('MIT', 'as MIT says')


def test_a_license_that_is_none_leaves_the_file(model, capsys):
    before = model.read_bytes()
    assert main([str(model), '--license', 'my license', '-o', str(model)]) == 1
    assert "license is 'my license', expected SPDX identifiers" in capsys.readouterr().err
    assert model.read_bytes() == before


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'one of these arguments is required: --classes, --license, --terms'),
        (['--license', 'MIT', '--name', 'x'], '--name also needs --classes'),
        (['--terms', 'x', '--size', '64x48'], '--size also needs --classes'),
    ],
)
def test_other_options_need_classes(model, capsys, options, message):
    try:
        code = main([str(model), *options, '-o', str(model)])
    except SystemExit as exit_error:
        code = exit_error.code
    assert code in (1, 2) and message in capsys.readouterr().err


def test_a_file_without_a_specification_needs_classes(contract_model, tmp_path, capsys):
    path = tmp_path / 'foreign.onnx'
    onnx.save(contract_model(), str(path))
    assert main([str(path), '--license', 'MIT', '-o', str(tmp_path / 'out.onnx')]) == 1
    assert 'it has no swiftnet_ros.model_spec; add one with' in capsys.readouterr().err
