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

"""The CUDA kernels compiled for this CPU, launched as a GPU would launch them."""

import ctypes
from functools import lru_cache
import importlib.util
from pathlib import Path
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Callable, Dict, List, Sequence, Union

import pytest
from swiftnet_ros.backends.cuda.kernels import BLOCK, KernelLaunch, SIGNATURES, SOURCE

LAUNCHER = Path(__file__).with_name('kernels_on_cpu.cpp')
NO_COMPILER = 'no C++ compiler is here: scripts/test.sh brings one'
# No fused multiply-add, as for NVRTC, so that CPU and GPU compute the same bits.
OPTIONS = ['-O2', '-ffp-contract=off', '-fno-exceptions', '-fPIC', '-shared', '-std=c++11']
_C_TYPES: Dict[str, Callable[..., object]] = {
    'P': ctypes.c_void_p,
    'i': ctypes.c_int,
    'f': ctypes.c_float,
}


class CpuKernels:
    """The kernels, running on host memory."""

    def __init__(self, library: Path) -> None:
        """Load the compiled library."""
        self._launch = ctypes.CDLL(str(library)).launch

    def launch(self, launch: KernelLaunch) -> None:
        """Run a launch and wait for it."""
        self.run(launch.kernel, launch.grid, BLOCK, launch.arguments)

    def run(
        self,
        kernel: str,
        grid: Sequence[int],
        block: Sequence[int],
        arguments: Sequence[Union[int, float]],
    ) -> None:
        """Run a kernel on a grid of blocks and wait for it."""
        signature = SIGNATURES[kernel]
        assert len(signature) == len(arguments), (kernel, arguments)
        values = [_C_TYPES[code](value) for code, value in zip(signature, arguments)]
        pointers = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
        status = self._launch(kernel.encode(), *grid[:2], *block[:2], pointers)
        assert status == 0, f'no kernel {kernel}'


@lru_cache(maxsize=None)
def cpu_kernels() -> CpuKernels:
    """Compile the kernels once per process; skip the test if there is no C++ compiler."""
    command = compiler()
    if not command:
        pytest.skip(NO_COMPILER)
    with TemporaryDirectory() as folder:
        library = Path(folder) / 'kernels.so'
        define = f'-DSEGMENTATION_KERNELS="{SOURCE}"'
        words = [*command, *OPTIONS, define, str(LAUNCHER), '-o', str(library)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return CpuKernels(library)


def compiler() -> List[str]:
    """Return the command of a C++ compiler of the system or a wheel; empty if there is none."""
    for name in ('c++', 'g++', 'clang++'):
        if shutil.which(name):
            return [name]
    if importlib.util.find_spec('ziglang'):
        return [sys.executable, '-m', 'ziglang', 'cc', '-x', 'c++']
    return []
