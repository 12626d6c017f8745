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

"""Memory of the GPU, and memory that it shares with the host."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.cuda.device import CudaGpu
from swiftnet_ros.errors import DeviceMemoryError


@dataclass(frozen=True)
class SharedMemory:
    """
    An array of the host whose pages stay where they are, and where the GPU has it.

    On a GPU with the host's memory both are the same, and the copies do nothing.
    """

    gpu: CudaGpu
    host: npt.NDArray[Any]
    address: int

    def upload(self) -> None:
        """Copy it to the GPU when the stream gets here."""
        if not self.gpu.is_integrated:
            self.gpu.cuda.memcpy_htod_async(self.address, self.host, self.gpu.stream)

    def download(self) -> None:
        """Copy it from the GPU when the stream gets here."""
        if not self.gpu.is_integrated:
            self.gpu.cuda.memcpy_dtoh_async(self.host, self.address, self.gpu.stream)


class Memory:
    """Memory that is freed together, the last first."""

    def __init__(self, gpu: CudaGpu) -> None:
        """Begin with none."""
        self._gpu, self._stack = gpu, ExitStack()

    def device(self, what: str, size: int) -> int:
        """Take bytes of the GPU; give their address."""
        try:
            found = self._gpu.cuda.mem_alloc(size)
        except self._gpu.cuda.MemoryError as error:
            raise DeviceMemoryError(what, size, *self._gpu.cuda.mem_get_info()) from error
        self._stack.callback(found.free)
        return int(found)

    def table(self, what: str, content: npt.NDArray[Any]) -> int:
        """Put an array on the GPU for good; give its address."""
        address = self.device(what, content.nbytes)
        self._gpu.cuda.memcpy_htod(address, content)
        return address

    def shared(self, what: str, shape: Tuple[int, ...], dtype: npt.DTypeLike) -> SharedMemory:
        """Take an array that both have."""
        cuda, is_integrated = self._gpu.cuda, self._gpu.is_integrated
        flags = cuda.host_alloc_flags.DEVICEMAP if is_integrated else 0
        try:
            host = cuda.pagelocked_empty(shape, dtype, mem_flags=flags)
        except cuda.MemoryError as error:
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            raise DeviceMemoryError(what, size, *cuda.mem_get_info()) from error
        allocation: Any = host.base
        self._stack.callback(allocation.free)
        if is_integrated:
            return SharedMemory(self._gpu, host, int(allocation.get_device_pointer()))
        return SharedMemory(self._gpu, host, self.device(what, host.nbytes))

    def free(self) -> None:
        """Free all of it."""
        self._stack.close()
