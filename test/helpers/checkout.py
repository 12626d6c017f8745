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

"""The root folder of the checkout, and a copy of it."""

from pathlib import Path
import shutil

ROOT = Path(__file__).resolve().parents[2]
# As in setup.py.
EXECUTABLES = (
    'add_model_spec',
    'benchmark',
    'build_engine',
    'device_report',
    'image_publisher',
    'segmentation_node',
)
_NO_SOURCES = ('.*', 'build', 'install', 'log', 'runs', '*.egg-info', 'demo_out')


def copy_checkout(folder: Path) -> None:
    """Copy the sources of the checkout into a new folder."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_NO_SOURCES))
