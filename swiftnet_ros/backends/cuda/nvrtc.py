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
Compile CUDA source to machine code with NVRTC, without a GPU and without nvcc.

NVRTC is part of the CUDA toolkit, and so of JetPack, and a wheel as well; nvcc, which PyCUDA's own
compiler calls, is not a wheel. Nothing is cached: the kernels compile faster than TensorRT starts,
and cached machine code would need the protection that an engine file has.
"""

import ctypes
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from swiftnet_ros.backends.cuda.driver import BACKEND
from swiftnet_ros.errors import EngineUnavailableError, UnexpectedError
from swiftnet_ros.text import one_line

# Without fused multiply-add the GPU computes the same bits as a CPU.
_OPTIONS = ('--fmad=false', '--std=c++11')
_TOOLKIT_LIBRARIES = ('lib64/libnvrtc.so*', 'targets/*/lib/libnvrtc.so*')
_WHEEL_LIBRARIES = 'cu*/lib/libnvrtc.so.*'
_INSTALL = 'it comes with JetPack and the CUDA toolkit; else: pip install nvidia-cuda-nvrtc-cu{}'
# CUDA 12 supports Turing and newer; Volta, such as the Xavier's 7.2, needs CUDA 11.
_TURING = 75


def compile_for(source: str, compute_capability: Tuple[int, int]) -> bytes:
    """
    Return CUDA source compiled for a GPU, by the first installed NVRTC that supports it.

    Raise EngineUnavailableError if none does.
    """
    capability = 10 * compute_capability[0] + compute_capability[1]
    nvrtc = _find_nvrtc(capability)
    if nvrtc is None:
        cuda = 11 if capability < _TURING else 12
        why = f'no NVRTC for compute capability {capability / 10:.1f}; {_INSTALL.format(cuda)}'
        raise EngineUnavailableError(BACKEND, why)
    return nvrtc.compile(source, capability)


class Nvrtc:
    """One NVRTC library; compute capabilities are whole numbers such as 72."""

    def __init__(self, path: str) -> None:
        """Load the library; raise OSError if that fails."""
        self._library = ctypes.CDLL(path)
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def capabilities(self) -> List[int]:
        """Return the supported compute capabilities; none if the library cannot list them."""
        if not hasattr(self._library, 'nvrtcGetSupportedArchs'):
            return []
        count = ctypes.c_int()
        self._check(self._library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
        found = (ctypes.c_int * count.value)()
        self._check(self._library.nvrtcGetSupportedArchs(found))
        return list(found)

    def compile(self, source: str, capability: int) -> bytes:  # noqa: A003
        """Return a cubin; for a GPU newer than the library PTX, which the driver compiles."""
        older = [item for item in self.capabilities() if item <= capability]
        target = max(older, default=capability)
        architecture = f'{"sm" if target == capability else "compute"}_{target}'
        program = ctypes.c_void_p()
        self._check(
            self._library.nvrtcCreateProgram(
                ctypes.byref(program), source.encode(), b'segmentation.cu', 0, None, None
            )
        )
        try:
            self._compile(program, (*_OPTIONS, f'--gpu-architecture={architecture}'))
            return self._output(program, 'CUBIN' if target == capability else 'PTX')
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _compile(self, program: ctypes.c_void_p, options: Sequence[str]) -> None:
        words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = self._library.nvrtcCompileProgram(program, len(options), words)
        if status:
            log = self._output(program, 'ProgramLog').rstrip(b'\0').decode(errors='replace')
            raise UnexpectedError(f'NVRTC cannot compile the kernels ({one_line(log)})')

    def _output(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f'nvrtcGet{what}Size')(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f'nvrtcGet{what}')(program, buffer))
        return buffer.raw

    def _check(self, status: int) -> None:
        if status:
            reason = self._library.nvrtcGetErrorString(status).decode()
            raise UnexpectedError(f'NVRTC failed: {reason}')


def library_paths() -> Iterator[str]:
    """Return where NVRTC may be installed: the system's, CUDA toolkits, wheels."""
    system = find_library('nvrtc')
    if system:
        yield system
    for toolkit in sorted(Path('/usr/local').glob('cuda*')):
        for pattern in _TOOLKIT_LIBRARIES:
            yield from map(str, sorted(toolkit.glob(pattern)))
    wheels = find_spec('nvidia')
    for folder in (wheels.submodule_search_locations or ()) if wheels else ():
        yield from map(str, sorted(Path(folder).glob(_WHEEL_LIBRARIES)))


def _find_nvrtc(capability: int) -> Optional[Nvrtc]:
    for path in library_paths():
        try:
            nvrtc = Nvrtc(path)
        except OSError:
            continue
        supported = nvrtc.capabilities()
        if not supported or min(supported) <= capability:
            return nvrtc
    return None
