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

"""Whether colcon builds, installs and registers the package as any ROS workspace would."""

import importlib.util
from pathlib import Path
import shutil
import subprocess
import sys

from helpers.checkout import ROOT
import pytest

SCRIPTS = (
    'add_model_spec',
    'benchmark',
    'build_engine',
    'device_report',
    'image_publisher',
    'segmentation_node',
)
NO_COLCON = 'colcon is not installed here: scripts/test.sh brings it'
# What stays out of a workspace's copy: it is no source.
IGNORED = shutil.ignore_patterns('.*', 'build', 'install', 'log', 'runs', '*.egg-info', 'demo_out')


def _run(*words: str, folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def workspace(tmp_path_factory) -> Path:
    """Build a copy of the checkout in a workspace of its own."""
    if importlib.util.find_spec('colcon_ros') is None:
        pytest.skip(NO_COLCON)
    folder = tmp_path_factory.mktemp('workspace')
    shutil.copytree(ROOT, folder / 'src' / 'swiftnet_ros', ignore=IGNORED)
    _run(
        sys.executable,
        '-m',
        'colcon',
        'build',
        '--event-handlers',
        'console_cohesion+',
        folder=folder,
    )
    return folder


@pytest.fixture(scope='module')
def installed(workspace: Path) -> Path:
    """Give the folder into which the package was installed."""
    return workspace / 'install' / 'swiftnet_ros'


def test_colcon_knows_the_package_as_ament_python(workspace):
    listed = _run(sys.executable, '-m', 'colcon', 'list', folder=workspace)
    assert listed.split() == ['swiftnet_ros', 'src/swiftnet_ros', '(ros.ament_python)']


def test_the_package_is_registered_in_the_ament_index(installed):
    assert (installed / 'share/ament_index/resource_index/packages/swiftnet_ros').is_file()
    assert (installed / 'share/swiftnet_ros/package.xml').is_file()


@pytest.mark.parametrize('script', SCRIPTS)
def test_ros2_run_finds_the_executable(installed, script):
    path = installed / 'lib/swiftnet_ros' / script
    assert path.is_file()
    assert path.stat().st_mode & 0o100


@pytest.mark.parametrize(
    'pattern',
    [
        'launch/*.launch.py',
        'config/*',
        'models/*.onnx',
        'models/*.md',
        'demo/*.yaml',
        'demo/images/*',
        'demo/labels/*',
    ],
)
def test_the_share_folder_holds_every_file_of_the_checkout(installed, pattern):
    share = installed / 'share/swiftnet_ros'
    expected = {path.relative_to(ROOT) for path in ROOT.glob(pattern)}
    assert {path.relative_to(share) for path in share.glob(pattern)} == expected


def test_the_source_of_the_kernels_is_installed(installed):
    assert list(installed.rglob('site-packages/swiftnet_ros/backends/cuda/segmentation.cu'))


def test_training_is_not_installed(installed):
    assert not list(installed.rglob('training*'))
    assert list(installed.rglob('site-packages/swiftnet_ros/segmenter.py'))


def test_every_executable_starts_a_function_that_exists(installed):
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
    _run(sys.executable, '-c', source, *SCRIPTS, folder=packages)
