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

"""Colcon builds, installs and registers the package, as in any ROS workspace."""

import importlib.util
from pathlib import Path
import subprocess
import sys

from helpers.checkout import copy_checkout, EXECUTABLES, ROOT
import pytest

NO_COLCON = 'colcon is not installed here: scripts/test.sh brings it'


def _run(*words: str, folder: Path) -> str:
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def workspace(tmp_path_factory) -> Path:
    """Build a copy of the checkout in a new workspace and return its folder."""
    if importlib.util.find_spec('colcon_ros') is None:
        pytest.skip(NO_COLCON)
    folder = tmp_path_factory.mktemp('workspace')
    copy_checkout(folder / 'src' / 'swiftnet_ros')
    words = ['colcon', 'build', '--event-handlers', 'console_cohesion+']
    _run(sys.executable, '-m', *words, folder=folder)
    return folder


@pytest.fixture(scope='module')
def installed(workspace: Path) -> Path:
    """Return the folder in which the package is installed."""
    return workspace / 'install' / 'swiftnet_ros'


def test_colcon_lists_an_ament_python_package(workspace):
    listed = _run(sys.executable, '-m', 'colcon', 'list', folder=workspace)
    assert listed.split() == ['swiftnet_ros', 'src/swiftnet_ros', '(ros.ament_python)']


def test_package_is_registered_in_the_ament_index(installed):
    assert (installed / 'share/ament_index/resource_index/packages/swiftnet_ros').is_file()
    assert (installed / 'share/swiftnet_ros/package.xml').is_file()


@pytest.mark.parametrize('script', EXECUTABLES)
def test_executable_is_installed_for_ros2_run(installed, script):
    path = installed / 'lib/swiftnet_ros' / script
    assert path.is_file()
    assert path.stat().st_mode & 0o100


@pytest.mark.parametrize(
    'pattern',
    [
        *('launch/*.launch.py', 'config/*', 'models/*.onnx', 'models/*.md'),
        *('models/*.calibration', 'demo/*.yaml', 'demo/images/*', 'demo/labels/*'),
    ],
)
def test_share_folder_has_every_file_of_the_checkout(installed, pattern):
    share = installed / 'share/swiftnet_ros'
    expected = {path.relative_to(ROOT) for path in ROOT.glob(pattern)}
    assert {path.relative_to(share) for path in share.glob(pattern)} == expected


@pytest.mark.parametrize(
    'name', ['backends/cuda/segmentation.cu', 'demo/page.html', 'demo/style.css', 'py.typed']
)
def test_package_data_is_installed(installed, name):
    assert list(installed.rglob(f'site-packages/swiftnet_ros/{name}'))


def test_training_is_not_installed(installed):
    assert not list(installed.rglob('training*'))
    assert list(installed.rglob('site-packages/swiftnet_ros/segmenter.py'))


def test_every_entry_point_can_be_loaded(installed):
    packages = next(installed.rglob('site-packages'))
    source = (
        'import sys\n'
        'from importlib.metadata import distribution\n'
        'points = distribution("swiftnet_ros").entry_points\n'
        'assert {point.name for point in points} == set(sys.argv[1:]), points\n'
        'assert all(callable(point.load()) for point in points)\n'
    )
    if importlib.util.find_spec('rclpy') is None:
        pytest.skip('rclpy is not installed')
    _run(sys.executable, '-c', source, *EXECUTABLES, folder=packages)
