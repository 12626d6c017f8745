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


"""Tests of kernels, engines and node on a real GPU; they need TensorRT, PyCUDA and no torch."""

from helpers.gpu_networks import write_gpu_pair
import pytest
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend

NO_GPU = 'no GPU for TensorRT'


class _WithoutGpu(pytest.Module):
    """A test file that is skipped before it opens a GPU."""

    def collect(self):
        reason = TensorRtBackend.unavailable_reason()
        pytest.skip(f'{NO_GPU}: {reason}', allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Skip every file if TensorRT, PyCUDA or the GPU is missing."""
    if TensorRtBackend.unavailable_reason():
        return _WithoutGpu.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope='session')
def pair(tmp_path_factory):
    """Return the FP32 file of a pair of tiny networks with a calibration."""
    return write_gpu_pair(tmp_path_factory.mktemp('pair'))


@pytest.fixture(scope='session')
def cache(tmp_path_factory):
    """Return the folder of the engines of all tests."""
    return tmp_path_factory.mktemp('engines')
