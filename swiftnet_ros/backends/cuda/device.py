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

"""The GPU: a context and a stream of one's own, and the kernels, on pycuda."""

from contextlib import contextmanager
from typing import Dict, Iterator, TYPE_CHECKING

from swiftnet_ros.backends.cuda.driver import CudaDriver, ENGINE
from swiftnet_ros.backends.cuda.kernels import BLOCK, Launch, SIGNATURES, SOURCE
from swiftnet_ros.backends.cuda.nvrtc import compile_for
from swiftnet_ros.errors import EngineFailedError, EngineUnavailableError, one_line

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


_INSTALL = 'pip install pycuda, which needs the CUDA toolkit'


class CudaGpu:
    """
    The first GPU that this process may use; everything on it happens inside `current`.

    `stream` is the one on which everything happens in order. It belongs to the thread that made
    it.
    """

    def __init__(self) -> None:
        """Make the context and leave it; EngineUnavailableError where there is no GPU."""
        self.cuda = _pycuda()
        try:
            self.cuda.init()
            self.device = self.cuda.Device(0)
            attribute = self.cuda.device_attribute
            # The CPU's memory is the GPU's too, as on a Jetson: nothing need be copied.
            self.is_integrated = bool(self.device.get_attribute(attribute.INTEGRATED))
            flags = self.cuda.ctx_flags
            # Waiting for the GPU must not take a core from the rest of the robot.
            waiting = flags.SCHED_BLOCKING_SYNC | flags.MAP_HOST
            self._context = self.device.make_context(waiting)
        except self.cuda.Error as error:
            why = f'no GPU ({one_line(error)}); use engine openvino'
            raise EngineUnavailableError(ENGINE, why) from error
        self._context.pop()
        self.name = self.device.name()
        self._functions: Dict[str, driver.Function] = {}
        try:
            with self.current():
                self.driver = CudaDriver()
                self.stream = self.cuda.Stream()
                self._load_kernels()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def current(self) -> Iterator[None]:
        """Enter the context; what CUDA refuses inside is an EngineFailedError."""
        self._context.push()
        try:
            yield
        except self.cuda.Error as error:
            raise EngineFailedError(ENGINE, str(error)) from error
        finally:
            self._context.pop()

    @property
    def stream_handle(self) -> int:
        """Give the stream as the driver knows it."""
        return int(self.stream.handle)

    def launch(self, launch: Launch) -> None:
        """Send a kernel to the stream."""
        function = self._functions[launch.kernel]
        block = (*BLOCK, 1)
        function.prepared_async_call(launch.grid, block, self.stream, *launch.arguments)

    def close(self) -> None:
        """Free kernels and stream, then the context itself."""
        self._context.push()
        try:
            self._functions.clear()
            if hasattr(self, 'stream'):
                del self.stream
        finally:
            self._context.pop()
            self._context.detach()

    def _load_kernels(self) -> None:
        code = compile_for(SOURCE.read_text(encoding='utf-8'), self.device.compute_capability())
        module = self.cuda.module_from_buffer(code)
        for name, signature in SIGNATURES.items():
            self._functions[name] = module.get_function(name).prepare(signature)


def _pycuda() -> 'PyCuda':
    try:
        from pycuda import driver
    except ImportError as error:
        raise EngineUnavailableError(ENGINE, f'{error}; {_INSTALL}') from error
    return driver
