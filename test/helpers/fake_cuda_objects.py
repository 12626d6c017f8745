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

"""Memory, device, context, stream and kernels of a fake GPU, with PyCUDA's interface."""

import ctypes
from typing import Any

from helpers.c_functions import with_c_methods
from helpers.cpu_kernels import cpu_kernels
import numpy as np

NAME, CAPABILITY = 'Xavier', (7, 2)
COMPILED = b'code for (7, 2)'


class FakePagelocked(np.ndarray):
    """A page-locked array, whose `base` is its allocation as in PyCUDA."""

    @property
    def base(self) -> 'FakeAllocation':
        """Return the allocation."""
        return self.allocation


@with_c_methods
class FakeAllocation:
    """Memory of the GPU or of the host."""

    def __init__(self, gpu: Any, what: str, size: int) -> None:
        """Allocate memory filled with garbage."""
        self._gpu, self._size = gpu, size
        self._block = ctypes.create_string_buffer(b'\x5a' * size, size)
        self._handle = gpu.create(f'{what} of {size} bytes')
        self.address = ctypes.addressof(self._block)

    def __int__(self) -> int:
        return self.address

    def get_device_pointer(self) -> int:
        """Return the address on the GPU."""
        assert self._gpu.is_integrated
        return self.address

    def free(self) -> None:
        """Free the memory."""
        self._gpu.call('free')
        self._gpu.destroy(self._handle)
        self._gpu.memory += self._size


@with_c_methods
class FakeDevice:
    """The only device."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu
        gpu.call('Device', needs_context=False)

    def name(self) -> str:
        """Return its name."""
        return NAME

    def compute_capability(self) -> Any:
        """Return its compute capability."""
        return CAPABILITY

    def get_attribute(self, attribute: str) -> int:
        """Return whether it shares its memory with the host."""
        assert attribute == 'integrated'
        return int(self._gpu.is_integrated)

    def make_context(self, flags: int) -> 'FakeContext':
        """Create a context and make it current."""
        assert flags == 12, 'waiting must not take a CPU core, and memory must be mappable'
        self._gpu.call('make_context', needs_context=False)
        return FakeContext(self._gpu)


@with_c_methods
class FakeContext:
    """A context; it counts how often it was made current."""

    def __init__(self, gpu: Any) -> None:
        self._gpu, self._handle = gpu, gpu.create('context')
        gpu.depth += 1

    def push(self) -> None:
        """Make it current."""
        assert self._handle in self._gpu.alive, 'the context was destroyed'
        self._gpu.depth += 1

    def pop(self) -> None:
        """Make the previous context current."""
        self._gpu.depth -= 1

    def detach(self) -> None:
        """Destroy it; what was not freed stays in `alive`."""
        assert self._gpu.depth == 0
        self._gpu.destroy(self._handle)


@with_c_methods
class FakeStream:
    """The only stream."""

    handle = 4711

    def __init__(self, gpu: Any) -> None:
        gpu.call('Stream')
        self._gpu, self._handle = gpu, gpu.create('stream')

    def __del__(self) -> None:
        """Free it with its last reference, as PyCUDA does."""
        if hasattr(self, '_handle'):
            self._gpu.destroy(self._handle)

    def synchronize(self) -> None:
        """Execute everything that was enqueued."""
        self._gpu.call('synchronize')
        self._gpu.synchronize()


@with_c_methods
class FakeModule:
    """A module of compiled kernels."""

    def __init__(self, gpu: Any, code: bytes) -> None:
        gpu.call('module_from_buffer')
        assert code == COMPILED
        self._gpu = gpu

    def get_function(self, name: str) -> 'FakeFunction':
        """Return a kernel."""
        return FakeFunction(self._gpu, name)


@with_c_methods
class FakeFunction:
    """A kernel, which computes on the CPU."""

    def __init__(self, gpu: Any, name: str) -> None:
        self._gpu, self._name = gpu, name

    def prepare(self, signature: str) -> 'FakeFunction':
        """Set the types of the arguments and return the kernel."""
        self._signature = signature
        return self

    def prepared_async_call(self, grid: Any, block: Any, stream: FakeStream, *given: Any) -> None:
        """Enqueue the kernel."""
        self._gpu.call(self._name)
        assert stream.handle == FakeStream.handle and block[2:] == (1,)
        assert len(given) == len(self._signature)
        for code, value in zip(self._signature, given):
            assert isinstance(value, float if code == 'f' else int), (self._name, given)
        self._gpu.enqueue(self._name, lambda: cpu_kernels().run(self._name, grid, block, given))
