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

"""A model is found by path or name from every kind of installation."""

import pytest
from swiftnet_ros.errors import ModelNotFoundError, ModelReplacedError
from swiftnet_ros.model_spec.find_model import find_model, shipped_models
from swiftnet_ros.system import paths


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    """Move the package to an empty folder without models; return that folder."""
    package = tmp_path / 'lib' / 'python3' / 'site-packages' / 'swiftnet_ros'
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, '_PACKAGE', package)
    monkeypatch.setattr(paths.sys, 'prefix', str(tmp_path / 'prefix'))
    monkeypatch.setattr(paths.site, 'getuserbase', lambda: str(tmp_path / 'user'))
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    return tmp_path


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b'model')
    return folder


USER = 'user/share/swiftnet_ros/models'


# A colcon workspace, a virtual environment, a user's, and another prefix.
@pytest.mark.parametrize('prefix', ['ws', 'prefix', 'user', '.'])
def test_shipped_model_is_found_from_every_installation(nothing_installed, monkeypatch, prefix):
    place = nothing_installed
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{place / "other"}:{place / "ws"}')
    models = put(place / prefix / 'share' / 'swiftnet_ros' / 'models', 'street.fp32.onnx')
    assert find_model('street') == models / 'street.fp32.onnx'
    assert shipped_models() == ['street']


def test_shipped_model_is_found_in_a_checkout(nothing_installed, monkeypatch):
    monkeypatch.setattr(paths, '_PACKAGE', nothing_installed / 'src' / 'swiftnet_ros')
    models = put(nothing_installed / 'src' / 'models', 'street.fp32.onnx')
    assert find_model('street') == models / 'street.fp32.onnx'
    assert shipped_models() == ['street']


def test_int8_file_is_the_default_of_a_pair(nothing_installed, monkeypatch):
    models = put(nothing_installed / USER, 'street.fp32.onnx', 'street.int8.onnx')
    assert find_model('street') == models / 'street.int8.onnx'
    assert shipped_models() == ['street']


def test_path_of_a_file_is_returned_unchanged(nothing_installed, monkeypatch):
    put(nothing_installed, 'my model.onnx')
    monkeypatch.chdir(nothing_installed)
    assert find_model('my model.onnx').read_bytes() == b'model'
    assert find_model(nothing_installed / 'my model.onnx').is_absolute()


def test_path_without_a_precision_names_the_pair(nothing_installed, monkeypatch):
    put(nothing_installed, 'a.fp32.onnx', 'a.int8.onnx', 'b.fp32.onnx', 'c.int8.onnx', 'c.onnx')
    monkeypatch.chdir(nothing_installed)
    assert str(find_model('a.onnx')) == 'a.int8.onnx'
    assert find_model(nothing_installed / 'b.onnx') == nothing_installed / 'b.fp32.onnx'
    assert str(find_model('c.onnx')) == 'c.onnx'
    with pytest.raises(ModelNotFoundError, match='d.onnx'):
        find_model('d.onnx')


@pytest.mark.parametrize(
    ('precision', 'expected'), [('', 'int8'), ('int8', 'int8'), ('fp32', 'fp32'), ('fp16', 'fp16')]
)
def test_precision_selects_the_file_of_a_pair(nothing_installed, precision, expected):
    models = put(nothing_installed / USER, 'a.fp32.onnx', 'a.int8.onnx', 'a.fp16.onnx')
    assert find_model('a', precision) == models / f'a.{expected}.onnx'
    assert find_model(models / 'a.onnx', precision) == models / f'a.{expected}.onnx'
    assert find_model(models / 'a.fp32.onnx', precision) == models / 'a.fp32.onnx'


def test_default_file_is_found_without_the_file_of_the_precision(nothing_installed):
    models = put(nothing_installed / USER, 'a.int8.onnx')
    assert find_model('a', 'fp32') == models / 'a.int8.onnx'


@pytest.mark.parametrize(
    'name',
    ['../secret', 'secret/', '/secret', '.', '', 'secret\n', 'Secret', '*', 'x' * 999, '\0'],
)
def test_name_never_leads_out_of_the_models(nothing_installed, name):
    models = put(nothing_installed / USER, 'street.int8.onnx')
    put(models.parent, 'secret.int8.onnx')
    with pytest.raises(ModelNotFoundError, match='give the path .* a shipped model .street.'):
        find_model(name)


def test_name_of_a_replaced_model_is_an_error_that_names_its_successor(nothing_installed):
    with pytest.raises(ModelReplacedError, match='use indoor, whose class ids are others'):
        find_model('warehouse')
    # A file of that name, and a pair in the folder of models, are still found.
    models = put(nothing_installed / USER, 'warehouse.int8.onnx')
    assert find_model('warehouse') == models / 'warehouse.int8.onnx'


def test_camvid_is_an_alias_of_street(nothing_installed):
    with pytest.raises(ModelNotFoundError, match=r"'camvid'; .* \(none is installed\)"):
        find_model('camvid')
    models = put(nothing_installed / USER, 'street.int8.onnx', 'street.fp32.onnx')
    assert find_model('camvid') == models / 'street.int8.onnx'
    assert find_model('camvid', 'fp32') == models / 'street.fp32.onnx'
    assert shipped_models() == ['street']
    # A file of that name, and a pair in the folder of models, are still found.
    put(models, 'camvid.int8.onnx')
    assert find_model('camvid') == models / 'camvid.int8.onnx'


def test_without_models_the_error_says_so(nothing_installed):
    with pytest.raises(ModelNotFoundError, match=r"'street'; .* \(none is installed\)"):
        find_model('street')


def test_other_files_are_not_listed(nothing_installed):
    put(nothing_installed / USER, 'b.fp32.onnx', 'a.int8.onnx', 'README.md', 'Bad.int8.onnx')
    assert shipped_models() == ['a', 'b']
