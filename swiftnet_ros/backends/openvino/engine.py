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

"""Run an ONNX model on any CPU with OpenVINO."""

import os
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Dict, List, Set, Union

import numpy as np
import numpy.typing as npt
import openvino
from swiftnet_ros.backends.base import LogitsEngine
from swiftnet_ros.backends.openvino.cache import compiled_cache
from swiftnet_ros.core.labels import Logits
from swiftnet_ros.errors import (
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    one_line,
    UnknownNameError,
)
from swiftnet_ros.model_spec import read_spec

_LOCK = Lock()
_CORES: List[Any] = []


def openvino_core() -> Any:
    """
    Give the core that all engines share, made at the first call and never freed.

    A core gives the thread that first uses it another signal stack, and frees that stack when it
    is freed itself: with cores that do not end in the reverse order of their beginning, or end in
    another thread, the next signal (Ctrl-C) would be a segmentation fault.
    """
    with _LOCK:
        if not _CORES:
            _CORES.append(openvino.Core())
        return _CORES[0]


PRECISIONS = ('auto', 'fp32', 'bf16')
# What OpenVINO calls the precisions, in its hint and in what it says of a compiled network.
_HINTS = {'fp32': 'f32', 'bf16': 'bf16'}
_WEIGHTED_LAYERS = {'Convolution', 'Deconvolution', 'FullyConnected', 'MatMul'}
_NATIVE_BF16 = {'avx512_bf16', 'amx_bf16'}
_CPU_INFO = Path('/proc/cpuinfo')


class OpenVinoEngine(LogitsEngine):
    """An ONNX model compiled for this CPU, in one stream: lowest latency per frame."""

    name = 'openvino'
    extra_options: ClassVar[Dict[str, str]] = {}
    """What a subclass tells OpenVINO besides, as that it shall keep times."""

    def __init__(self, path: Union[str, Path], precision: str = 'auto', threads: int = 0) -> None:
        """
        Compile a model.

        `precision` is fp32, bf16, or auto: bf16 for a float file where the CPU computes in it,
        else fp32. It concerns what is not quantized in an int8 file. `threads` of 0 takes every
        CPU that this process may use.
        """
        if precision not in PRECISIONS:
            raise UnknownNameError('precision', precision, PRECISIONS)
        if threads < 0:
            raise InvalidValueError('threads', threads, '0 for all, or a number of CPU threads')
        super().__init__(read_spec(path))
        core = openvino_core()
        options = {
            'PERFORMANCE_HINT': 'LATENCY',
            'NUM_STREAMS': '1',
            'INFERENCE_NUM_THREADS': str(threads or len(os.sched_getaffinity(0))),
            # Never left out: OpenVINO's own choice is bf16 wherever the CPU has it.
            'INFERENCE_PRECISION_HINT': _HINTS[self._choose_precision(precision, core)],
            **self.extra_options,
        }
        try:
            with compiled_cache(path) as cached:
                compiled = core.compile_model(str(path), 'CPU', {**options, **cached})
        except RuntimeError as error:
            reason = f'OpenVINO refuses it ({one_line(error)})'
            raise InvalidModelError(path, reason) from error
        self._precision = _used_precision(compiled)
        self._device = str(core.get_property('CPU', 'FULL_DEVICE_NAME'))
        self._threads = int(compiled.get_property('INFERENCE_NUM_THREADS'))
        self._request = compiled.create_infer_request()

    @property
    def precision(self) -> str:
        """Give what the convolutions run in: fp32, bf16, int8, or int8+bf16 where both occur."""
        return self._precision

    @property
    def device(self) -> str:
        """Give the CPU's name."""
        return self._device

    @property
    def threads(self) -> int:
        """Give the number of CPU threads that a call uses."""
        return self._threads

    def _choose_precision(self, precision: str, core: Any) -> str:
        if precision == 'bf16' and not _has_native_bf16(core):
            why = 'precision bf16 needs a CPU with avx512_bf16 or amx_bf16; use precision auto'
            raise EngineUnavailableError(self.name, why)
        if precision != 'auto':
            return precision
        return 'bf16' if self.spec.precision != 'int8' and _has_native_bf16(core) else 'fp32'

    def _infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        # Nothing is copied, neither in nor out; a read-only image is the exception.
        results = self._request.infer([image], share_inputs=True, share_outputs=True)
        logits: Logits = results[0][0]
        return logits

    def _close(self) -> None:
        del self._request


def _has_native_bf16(core: Any) -> bool:
    """Tell whether the CPU computes in bf16; OpenVINO also lists it where it only emulates it."""
    if 'BF16' not in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
        return False
    return bool(cpu_flags() & _NATIVE_BF16)


def cpu_flags() -> Set[str]:
    """Name what this CPU can do, as Linux says it; nothing on other systems."""
    if not _CPU_INFO.is_file():
        return set()
    lines = _CPU_INFO.read_text().splitlines()
    return {flag for line in lines if line.startswith('flags') for flag in line.split()}


def _used_precision(compiled: Any) -> str:
    """Name the precisions that the compiled network runs in, as OpenVINO reports them."""
    hint = compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()
    names = {theirs: ours for ours, theirs in _HINTS.items()}
    layers = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    kinds = {
        layer['runtimePrecision'].astype(str)
        for layer in layers
        if layer['layerType'].astype(str) in _WEIGHTED_LAYERS
    }
    if not kinds & {'i8', 'u8'}:
        return names[hint]
    return 'int8' if hint == _HINTS['fp32'] else f'int8+{names[hint]}'
