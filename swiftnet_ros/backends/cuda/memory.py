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

"""Memory on the GPU, and pinned host memory that is copied to and from it."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.errors import DeviceMemoryError


@dataclass(frozen=True)
class PinnedBuffer:
    """
    A page-locked array of the host, and the address of its counterpart on the GPU.

    On an integrated GPU both are the same memory, and the copies do nothing.
    """

    device: CudaDevice
    host: npt.NDArray[Any]
    address: int

    def upload(self) -> None:
        """Copy the array to the GPU, in the order of the stream."""
        if not self.device.is_integrated:
            self.device.cuda.memcpy_htod_async(self.address, self.host, self.device.stream)

    def download(self) -> None:
        """Copy the array from the GPU, in the order of the stream."""
        if not self.device.is_integrated:
            self.device.cuda.memcpy_dtoh_async(self.host, self.address, self.device.stream)


class GpuMemory:
    """
    Allocations that are freed together, the last first.

    Each raises DeviceMemoryError, which names `what`, if the GPU is out of memory.
    """

    def __init__(self, device: CudaDevice) -> None:
        """Start without any allocation."""
        self._device, self._allocations = device, ExitStack()

    def allocate(self, what: str, size: int) -> int:
        """Allocate `size` bytes on the GPU and return their address."""
        cuda = self._device.cuda
        try:
            allocation = cuda.mem_alloc(size)
        except cuda.MemoryError as error:
            raise DeviceMemoryError(what, size, *cuda.mem_get_info()) from error
        self._allocations.callback(allocation.free)
        return int(allocation)

    def allocate_copy(self, what: str, content: npt.NDArray[Any]) -> int:
        """Copy an array to the GPU and return its address there."""
        address = self.allocate(what, content.nbytes)
        self._device.cuda.memcpy_htod(address, content)
        return address

    def allocate_pinned(
        self, what: str, shape: Tuple[int, ...], dtype: npt.DTypeLike
    ) -> PinnedBuffer:
        """Allocate a page-locked array and its counterpart on the GPU."""
        cuda, is_integrated = self._device.cuda, self._device.is_integrated
        flags = cuda.host_alloc_flags.DEVICEMAP if is_integrated else 0
        try:
            host = cuda.pagelocked_empty(shape, dtype, mem_flags=flags)
        except cuda.MemoryError as error:
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            raise DeviceMemoryError(what, size, *cuda.mem_get_info()) from error
        allocation: Any = host.base
        self._allocations.callback(allocation.free)
        if is_integrated:
            return PinnedBuffer(self._device, host, int(allocation.get_device_pointer()))
        return PinnedBuffer(self._device, host, self.allocate(what, host.nbytes))

    def free(self) -> None:
        """Free every allocation."""
        self._allocations.close()
