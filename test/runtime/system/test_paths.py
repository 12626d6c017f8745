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

"""Paths of users are expanded; data files are found in a checkout and every kind of install."""

from argparse import ArgumentParser
import sys

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.core.frame_sources import open_source
from swiftnet_ros.errors import FileMissingError, UnsetVariableError
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system import paths
from swiftnet_ros.system.paths import expand_path, path_argument, share_folder


def test_checkout_has_its_own_folders():
    assert share_folder('config') == ROOT / 'config'
    assert (share_folder('config') / 'fastdds.xml').is_file()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that the package is in site-packages; return the prefix of its install."""
    package = tmp_path / 'lib' / 'python3' / 'site-packages' / 'swiftnet_ros'
    (package.parent / 'config').mkdir(parents=True)
    monkeypatch.setattr(paths, '_PACKAGE', package)
    # A sourced workspace, or this Python, may have the package too.
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'nowhere'))
    return tmp_path


def test_install_has_them_under_share_and_not_next_to_the_package(installed):
    with pytest.raises(FileMissingError, match='not found: share/swiftnet_ros/config'):
        share_folder('config')
    folder = installed / 'share' / 'swiftnet_ros' / 'config'
    folder.mkdir(parents=True)
    assert share_folder('config') == folder


@pytest.mark.parametrize('where', ['ament', 'prefix'])
def test_install_is_found_by_its_prefix(installed, tmp_path_factory, monkeypatch, where):
    prefix = tmp_path_factory.mktemp('prefix')
    (prefix / 'share' / 'swiftnet_ros' / 'demo').mkdir(parents=True)
    if where == 'ament':
        monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{prefix}')
    else:
        monkeypatch.setattr(sys, 'prefix', str(prefix))
    assert share_folder('demo') == prefix / 'share' / 'swiftnet_ros' / 'demo'


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the home folder, in which the variable DATA names the folder `data`."""
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('DATA', f'{tmp_path}/data')
    monkeypatch.delenv('UNSET', raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('path', 'expanded'),
    [
        ('', ''),
        ('warehouse', 'warehouse'),
        ('~', '{home}'),
        ('~/a.onnx', '{home}/a.onnx'),
        ('$DATA/a.onnx', '{home}/data/a.onnx'),
        ('${DATA}_2/$DATA', '{home}/data_2/{home}/data'),
        ('a~/b', 'a~/b'),
        ('5$', '5$'),
        ('$5', '$5'),
    ],
)
def test_home_and_variables_of_a_path_are_expanded(home, path, expanded):
    assert expand_path(path) == expanded.format(home=home)


@pytest.mark.parametrize('path', ['$UNSET/a', '${UNSET}/a', '/x/$UNSET'])
def test_a_variable_that_is_not_set_is_named(home, path):
    with pytest.raises(UnsetVariableError, match='variable UNSET, which is not set'):
        expand_path(path)


def test_a_file_whose_name_has_a_dollar_is_found(home):
    (home / '$UNSET.png').touch()
    assert expand_path('$UNSET.png') == '$UNSET.png'


def test_arguments_are_expanded_and_an_unset_variable_is_a_usage_error(home, capsys):
    parser = ArgumentParser()
    parser.add_argument('--out', type=path_argument)
    assert parser.parse_args(['--out=~/x']).out == home / 'x'
    with pytest.raises(SystemExit):
        parser.parse_args(['--out=$UNSET/x'])
    assert "argument --out: '$UNSET/x' has the environment var" in capsys.readouterr().err


def test_every_program_expands_its_path_arguments():
    sources = [*(ROOT / 'swiftnet_ros').rglob('*.py'), *(ROOT / 'training').rglob('*.py')]
    assert not [path for path in sources if 'type=Path' in path.read_text(encoding='utf-8')]


def test_paths_that_are_text_are_expanded_where_they_are_used(home, tiny_path):
    tiny_path.rename(home / 'mine.fp32.onnx')
    assert find_model('~/mine.fp32.onnx') == home / 'mine.fp32.onnx'
    assert find_model('$HOME/mine.onnx') == home / 'mine.fp32.onnx'
    options = BackendOptions(
        calibration='~/c', engine_cache='$DATA', output='~/o', timing_cache=''
    )
    paths_of = (options.calibration, options.engine_cache, options.output, options.timing_cache)
    assert paths_of == (f'{home}/c', f'{home}/data', f'{home}/o', '')
    with pytest.raises(FileMissingError, match=f'{home}/data/none'):
        open_source('$DATA/none', print)
