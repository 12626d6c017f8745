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
Compile CUDA source to machine code with NVRTC, which needs neither a GPU nor nvcc.

NVRTC comes with the CUDA toolkit, so with JetPack, and as a wheel beside other CUDA libraries;
nvcc, which pycuda's own compiler calls, does not come as a wheel. Nothing is kept: our kernels
take less time to compile than TensorRT takes to start, and a kept file of machine code would have
to be guarded as an engine is.
"""

import ctypes
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from swiftnet_ros.errors import EngineUnavailableError, one_line, UnexpectedError

ENGINE = 'tensorrt'
# Without fused multiply-add the GPU computes the bits that a CPU does.
_OPTIONS = ('--fmad=false', '--std=c++11')
_TOOLKITS = ('lib64/libnvrtc.so*', 'targets/*/lib/libnvrtc.so*')
_WHEEL = 'cu*/lib/libnvrtc.so.*'
_HOW = 'it comes with JetPack and the CUDA toolkit; else: pip install nvidia-cuda-nvrtc-cu{}'
# From here on CUDA 12 and newer; Volta, as the Xavier's 7.2, is with CUDA 11.
_TURING = 75


class Nvrtc:
    """One NVRTC library."""

    def __init__(self, path: str) -> None:
        """Load it; OSError if that fails."""
        self._library = ctypes.CDLL(path)
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def capabilities(self) -> List[int]:
        """List the compute capabilities that it compiles for, as 72; empty where it is too old."""
        if not hasattr(self._library, 'nvrtcGetSupportedArchs'):
            return []
        count = ctypes.c_int()
        self._check(self._library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
        found = (ctypes.c_int * count.value)()
        self._check(self._library.nvrtcGetSupportedArchs(found))
        return list(found)

    def compiled(self, source: str, capability: int) -> bytes:
        """Compile to a cubin; for a newer GPU than it knows to PTX, which the driver finishes."""
        known = [item for item in self.capabilities() if item <= capability] or [capability]
        is_cubin = max(known) == capability
        kind = 'sm' if is_cubin else 'compute'
        options = (*_OPTIONS, f'--gpu-architecture={kind}_{max(known)}')
        program = ctypes.c_void_p()
        self._check(
            self._library.nvrtcCreateProgram(
                ctypes.byref(program), source.encode(), b'segmentation.cu', 0, None, None
            )
        )
        try:
            self._compile(program, options)
            return self._text(program, 'CUBIN' if is_cubin else 'PTX')
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _compile(self, program: ctypes.c_void_p, options: Sequence[str]) -> None:
        words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = self._library.nvrtcCompileProgram(program, len(options), words)
        if status:
            log = self._text(program, 'ProgramLog').rstrip(b'\0').decode(errors='replace')
            raise UnexpectedError(f'NVRTC does not compile the kernels ({one_line(log)})')

    def _text(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f'nvrtcGet{what}Size')(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f'nvrtcGet{what}')(program, buffer))
        return buffer.raw

    def _check(self, status: int) -> None:
        if status:
            reason = self._library.nvrtcGetErrorString(status).decode()
            raise UnexpectedError(f'NVRTC fails: {reason}')


def compile_for(source: str, compute_capability: Tuple[int, int]) -> bytes:
    """Compile for a GPU with the first NVRTC here that can: the system's, else a wheel's."""
    capability = 10 * compute_capability[0] + compute_capability[1]
    nvrtc = _fitting(capability)
    if nvrtc is None:
        cuda = 11 if capability < _TURING else 12
        why = f'no NVRTC for compute capability {capability / 10:.1f}; {_HOW.format(cuda)}'
        raise EngineUnavailableError(ENGINE, why)
    return nvrtc.compiled(source, capability)


def _fitting(capability: int) -> Optional[Nvrtc]:
    for path in library_paths():
        try:
            nvrtc = Nvrtc(path)
        except OSError:
            continue
        known = nvrtc.capabilities()
        if not known or min(known) <= capability:
            return nvrtc
    return None


def library_paths() -> Iterator[str]:
    """Name where an NVRTC may lie, the likeliest first."""
    named = find_library('nvrtc')
    if named:
        yield named
    for toolkit in sorted(Path('/usr/local').glob('cuda*')):
        for pattern in _TOOLKITS:
            yield from map(str, sorted(toolkit.glob(pattern)))
    wheels = find_spec('nvidia')
    for folder in (wheels.submodule_search_locations or ()) if wheels else ():
        yield from map(str, sorted(Path(folder).glob(_WHEEL)))
