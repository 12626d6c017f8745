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

"""Data files of the package are found in a checkout and in every kind of install."""

import sys

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system import paths
from swiftnet_ros.system.paths import share_folder


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
