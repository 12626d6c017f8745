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

# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it completes a command.
"""Console scripts, which import their programs only after signals are handled."""

from swiftnet_ros.system.program import run_command, run_node_program


def segmentation_node() -> None:
    """Run the segmentation node."""
    run_node_program('swiftnet_ros.segmentation_node')


def image_publisher() -> None:
    """Run the image publisher."""
    run_node_program('swiftnet_ros.image_publisher')


def add_model_spec() -> None:
    """Add a specification to an ONNX file."""
    run_command('swiftnet_ros.model_spec.__main__')


def benchmark() -> None:
    """Run a benchmark."""
    run_command('swiftnet_ros.benchmark.__main__')


def build_engine() -> None:
    """Build a TensorRT engine."""
    run_command('swiftnet_ros.build_engine')


def device_report() -> None:
    """Measure this device."""
    run_command('swiftnet_ros.device_report.__main__')
