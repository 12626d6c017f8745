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

from functools import partial
import os
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Dict, List, Set, Type, Union

import numpy as np
import numpy.typing as npt
import openvino as openvino  # re-exported, as this package turns its telemetry off
from swiftnet_ros.backends.base import Backend, BackendT
from swiftnet_ros.backends.engine_build import EngineFile
from swiftnet_ros.backends.openvino.cache import compiled_network
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.core.labels import Logits
from swiftnet_ros.errors import (
    EngineFailedError,
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    listing,
)
from swiftnet_ros.model_spec import ModelFile, read_model_file
from swiftnet_ros.model_spec.find_model import sibling
from swiftnet_ros.system.library_errors import library_errors

_LOCK = Lock()
_CORES: List[Any] = []
PRECISIONS = (AUTO, 'fp32', 'bf16', 'int8')
# OpenVINO's names of the precisions, in its hint and in the facts of a compiled network.
_HINTS = {'fp32': 'f32', 'bf16': 'bf16'}
_WEIGHTED_LAYERS = {'Convolution', 'Deconvolution', 'FullyConnected', 'MatMul'}
_NATIVE_BF16 = {'avx512_bf16', 'amx_bf16'}
_CPU_INFO = Path('/proc/cpuinfo')
_QUANTIZE = 'python -m training quantize'


def openvino_core() -> Any:
    """
    Return the core that all networks share, made at the first call and never freed.

    A core replaces the signal stack of the thread that first uses it and frees that stack with
    itself: with cores that are not freed in reverse order, or in another thread, the next signal
    (Ctrl-C) would crash the process.
    """
    with _LOCK:
        if not _CORES:
            _CORES.append(openvino.Core())
        return _CORES[0]


class OpenVinoBackend(Backend):
    """An ONNX model compiled for this CPU, in one stream: lowest latency per frame."""

    name = 'openvino'
    extra_options: ClassVar[Dict[str, str]] = {}
    """More options for OpenVINO, of a subclass."""

    @classmethod
    def open(  # noqa: A003
        cls, model: ModelFile, file: EngineFile, options: BackendOptions
    ) -> 'OpenVinoBackend':
        """Compile a model for this CPU."""
        return cls(model, options)

    @classmethod
    def from_path(
        cls: Type[BackendT], path: Union[str, Path], precision: str = AUTO, threads: int = 0
    ) -> BackendT:
        """Compile an ONNX file for this CPU."""
        options = BackendOptions(precision=precision, threads=threads)
        return cls.open(read_model_file(path), EngineFile(Path(path)), options)

    def __init__(self, model: ModelFile, options: BackendOptions) -> None:
        """
        Compile a model, whose precision must be that of the options.

        With precision auto a float model runs in bf16 where the CPU computes in it, else in fp32.
        """
        super().__init__(model.spec)
        core = openvino_core()
        settings = {
            'PERFORMANCE_HINT': 'LATENCY',
            'NUM_STREAMS': '1',
            'INFERENCE_NUM_THREADS': str(options.threads or len(os.sched_getaffinity(0))),
            # Always set: OpenVINO's own default is bf16 on every CPU that has it.
            'INFERENCE_PRECISION_HINT': _HINTS[_arithmetic(model, options.precision, core)],
            **self.extra_options,
        }
        with library_errors(lambda reason: _not_compiled(model, reason)):
            self.device = str(core.get_property('CPU', 'FULL_DEVICE_NAME'))
            machine = (self.device, *sorted(cpu_flags()))
            compiled, self.is_cached = compiled_network(core, model.content, settings, machine)
            self.precision = _used_precision(compiled)
            self.threads = int(compiled.get_property('INFERENCE_NUM_THREADS'))
            self._request = compiled.create_infer_request()

    def _infer(self, image: npt.NDArray[np.uint8]) -> Logits:
        # Nothing is copied, neither in nor out, unless the image is read-only.
        with library_errors(partial(EngineFailedError, self.name)):
            results = self._request.infer([image], share_inputs=True, share_outputs=True)
        logits: Logits = results[0][0]
        return logits

    def _close(self) -> None:
        del self._request


def _not_compiled(model: ModelFile, reason: str) -> InvalidModelError:
    return InvalidModelError(model.path, f'OpenVINO cannot compile it ({reason})')


def cpu_flags() -> Set[str]:
    """Return the feature flags of this CPU that Linux lists; none on other systems."""
    if not _CPU_INFO.is_file():
        return set()
    lines = _CPU_INFO.read_text().splitlines()
    return {flag for line in lines if line.startswith('flags') for flag in line.split()}


def _arithmetic(model: ModelFile, precision: str, core: Any) -> str:
    """Return fp32 or bf16, for what is not quantized; raise a SwiftnetError if neither fits."""
    if precision not in PRECISIONS:
        expected = f'one of {listing(PRECISIONS)} with engine openvino'
        raise InvalidValueError('precision', precision, expected)
    is_int8 = model.precision == 'int8'
    if precision == 'int8' and not is_int8:
        right = sibling(model.path, 'int8')
        command = f'{_QUANTIZE} {model.path} -o {right}'
        how = '' if right.is_file() else f', created with: {command}'
        reason = f'it is {model.precision}, but precision int8 needs an int8 file'
        raise InvalidModelError(model.path, f'{reason}; use {right}{how}, or precision auto')
    if precision not in (AUTO, 'int8') and is_int8:
        right = sibling(model.path, 'fp32')
        reason = f'it is int8, but precision {precision} needs a float file; use {right}'
        raise InvalidModelError(model.path, f'{reason}, or precision int8')
    if precision == 'bf16' and not _has_native_bf16(core):
        reason = 'precision bf16 needs a CPU with avx512_bf16 or amx_bf16; use precision auto'
        raise EngineUnavailableError(OpenVinoBackend.name, reason)
    if precision == AUTO and not is_int8 and _has_native_bf16(core):
        return 'bf16'
    return 'bf16' if precision == 'bf16' else 'fp32'


def _has_native_bf16(core: Any) -> bool:
    """Return whether the CPU computes in bf16; OpenVINO lists it even if it is emulated."""
    if 'BF16' not in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
        return False
    return bool(cpu_flags() & _NATIVE_BF16)


def _used_precision(compiled: Any) -> str:
    """Return the precisions that the compiled network runs in, as OpenVINO reports them."""
    hint = compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()
    names = {theirs: ours for ours, theirs in _HINTS.items()}
    layers = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    kinds = {
        layer['runtimePrecision'].astype(str)
        for layer in layers
        if layer['layerType'].astype(str) in _WEIGHTED_LAYERS
    }
    return 'int8' if kinds & {'i8', 'u8'} else names[hint]
