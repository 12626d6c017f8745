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

"""Finding the GPU through the CUDA driver's library."""

import pytest
from swiftnet_ros.backends.cuda.driver import find_gpu, Gpu
from swiftnet_ros.errors import EngineUnavailableError


@pytest.mark.parametrize(
    ('status', 'text'),
    [
        (None, "'tensorrt_rtx' cannot be used here: there is no NVIDIA driver"),
        (100, r'there is no NVIDIA GPU .CUDA driver error 100.; use engine openvino'),
    ],
)
def test_a_missing_driver_or_gpu_raises(monkeypatch, status, text):
    class FakeDriver:
        """A driver that finds no GPU."""

        def __init__(self, name):
            if status is None:
                raise OSError(f'{name}: no such file')

        def cuInit(self, flags):  # noqa: N802
            return status

    monkeypatch.setattr('ctypes.CDLL', FakeDriver)
    with pytest.raises(EngineUnavailableError, match=text):
        find_gpu('tensorrt_rtx')


def test_name_and_compute_capability_are_those_of_the_driver(monkeypatch):
    class FakeDriver:
        """A driver with one GPU."""

        def __init__(self, name):
            assert name == 'libcuda.so.1'

        def cuInit(self, flags):  # noqa: N802
            return 0

        def cuDeviceGet(self, device, index):  # noqa: N802
            return 0

        def cuDeviceGetName(self, name, size, device):  # noqa: N802
            name.value = b'Orin'

        def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
            value._obj.value = {75: 8, 76: 7}[attribute]

    monkeypatch.setattr('ctypes.CDLL', FakeDriver)
    assert find_gpu() == Gpu('Orin', '8.7')
