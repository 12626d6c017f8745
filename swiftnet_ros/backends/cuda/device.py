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

"""The GPU through PyCUDA: its own CUDA context and stream, and the compiled kernels."""

from contextlib import contextmanager
from typing import Dict, Iterator, TYPE_CHECKING

from swiftnet_ros.backends.cuda.driver import BACKEND, CudaDriver
from swiftnet_ros.backends.cuda.kernels import BLOCK, KernelLaunch, SIGNATURES, SOURCE
from swiftnet_ros.backends.cuda.nvrtc import compile_for
from swiftnet_ros.errors import EngineFailedError, EngineUnavailableError
from swiftnet_ros.text import one_line

if TYPE_CHECKING:
    from typing import Any, Protocol, Tuple, Type

    import numpy.typing as npt
    from pycuda import driver as driver

    class PyCuda(Protocol):
        """The module `pycuda.driver`, as a type."""

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


class CudaDevice:
    """
    The first GPU that this process may use, with a CUDA context and a stream of its own.

    Everything on the GPU happens inside `with device.current()`, in the order of `stream`, on the
    thread that created the object. `is_integrated` is whether CPU and GPU share their memory, as
    on a Jetson; nothing is copied then.
    """

    def __init__(self) -> None:
        """Create the context; raise EngineUnavailableError if there is no PyCUDA or no GPU."""
        self.cuda = import_pycuda()
        try:
            self.cuda.init()
            self._device = self.cuda.Device(0)
            attribute = self.cuda.device_attribute
            self.is_integrated = bool(self._device.get_attribute(attribute.INTEGRATED))
            # Waiting for the GPU must not take a CPU core from the rest of the robot.
            flags = self.cuda.ctx_flags.SCHED_BLOCKING_SYNC | self.cuda.ctx_flags.MAP_HOST
            self._context = self._device.make_context(flags)
        except self.cuda.Error as error:
            why = f'no GPU ({one_line(error)}); use engine openvino'
            raise EngineUnavailableError(BACKEND, why) from error
        self._context.pop()
        self.name = self._device.name()
        self._kernels: Dict[str, driver.Function] = {}
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
        """Make the context current; raise EngineFailedError for a CUDA error inside."""
        self._context.push()
        try:
            yield
        except self.cuda.Error as error:
            raise EngineFailedError(BACKEND, str(error)) from error
        finally:
            self._context.pop()

    @property
    def stream_handle(self) -> int:
        """Return the stream as the CUDA driver and TensorRT take it."""
        return int(self.stream.handle)

    def launch(self, launch: KernelLaunch) -> None:
        """Launch a kernel on the stream."""
        kernel = self._kernels[launch.kernel]
        kernel.prepared_async_call(launch.grid, (*BLOCK, 1), self.stream, *launch.arguments)

    def close(self) -> None:
        """Free the kernels and the stream, then the context."""
        self._context.push()
        try:
            self._kernels.clear()
            if hasattr(self, 'stream'):
                del self.stream
        finally:
            self._context.pop()
            self._context.detach()

    def _load_kernels(self) -> None:
        code = compile_for(SOURCE.read_text(encoding='utf-8'), self._device.compute_capability())
        module = self.cuda.module_from_buffer(code)
        for name, signature in SIGNATURES.items():
            self._kernels[name] = module.get_function(name).prepare(signature)


def import_pycuda() -> 'PyCuda':
    """Return the module `pycuda.driver`; raise EngineUnavailableError if it is not installed."""
    try:
        from pycuda import driver
    except ImportError as error:
        raise EngineUnavailableError(BACKEND, f'{error}; {_INSTALL}') from error
    return driver
