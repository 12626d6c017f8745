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

"""
What pycuda's driver module is to the type checker: the names of `typings/pycuda`.

It is imported while the program runs, and only by whoever has a GPU.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Protocol, Tuple, Type

    import numpy.typing as npt
    from pycuda import driver as driver

    class PyCuda(Protocol):
        """`pycuda.driver`."""

        Error: Type[driver.Error]
        MemoryError: Type[driver.MemoryError]  # noqa: A003
        Device: Type[driver.Device]
        Stream: Type[driver.Stream]
        ctx_flags: Type[driver.ctx_flags]
        device_attribute: Type[driver.device_attribute]
        host_alloc_flags: Type[driver.host_alloc_flags]

        def init(self, flags: int = 0) -> None: ...

        def mem_alloc(self, __size: int) -> driver.DeviceAllocation: ...

        def mem_get_info(self) -> Tuple[int, int]: ...

        def memcpy_dtoh(self, dest: npt.NDArray[Any], src: int) -> None: ...

        def memcpy_dtoh_async(
            self, dest: npt.NDArray[Any], src: int, stream: driver.Stream
        ) -> None: ...

        def memcpy_htod(self, dest: int, src: npt.NDArray[Any]) -> None: ...

        def memcpy_htod_async(
            self, dest: int, src: npt.NDArray[Any], stream: driver.Stream
        ) -> None: ...

        def module_from_buffer(self, buffer: bytes) -> driver.Module: ...

        def pagelocked_empty(
            self,
            shape: Tuple[int, ...],
            dtype: npt.DTypeLike,
            order: str = 'C',
            mem_flags: int = 0,
        ) -> npt.NDArray[Any]: ...
