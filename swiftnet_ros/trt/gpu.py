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

"""The GPU of this machine, asked of the driver itself: no other library is needed to build."""

import ctypes
from dataclasses import dataclass

from swiftnet_ros.errors import EngineUnavailableError

_DRIVER = 'libcuda.so.1'
# CUdevice_attribute: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_MAJOR, _MINOR = 75, 76
_NAME_BYTES = 256


@dataclass(frozen=True)
class Gpu:
    """A GPU by its name and compute capability, as `8.7`."""

    name: str
    compute_capability: str


def find_gpu(engine: str = 'tensorrt') -> Gpu:
    """Give the first GPU that this process may use; `engine` is for the message."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        why = f'there is no NVIDIA driver ({error}); use engine openvino'
        raise EngineUnavailableError(engine, why) from error
    device = ctypes.c_int()
    status = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0)
    if status:
        why = f'there is no NVIDIA GPU (CUDA driver error {status}); use engine openvino'
        raise EngineUnavailableError(engine, why)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    driver.cuDeviceGetName(name, _NAME_BYTES, device)
    major, minor = (_attribute(driver, which, device) for which in (_MAJOR, _MINOR))
    return Gpu(name.value.decode(errors='replace'), f'{major}.{minor}')


def _attribute(driver: ctypes.CDLL, which: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    driver.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return value.value
