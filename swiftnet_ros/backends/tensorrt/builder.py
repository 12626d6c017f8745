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

"""A chosen file to the bytes of an engine, by whichever TensorRT is there."""

import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
from time import monotonic
from typing import cast, Dict, Optional, Tuple, TYPE_CHECKING

import onnx
from swiftnet_ros.backends.tensorrt.api import wants_float_weights
from swiftnet_ros.backends.tensorrt.builder_flags import (
    apply_flags,
    apply_memory,
    demand_precision,
    flag_names,
)
from swiftnet_ros.backends.tensorrt.calibration import apply_calibration
from swiftnet_ros.backends.tensorrt.log import make_logger, Messages
from swiftnet_ros.backends.tensorrt.network import layer_precisions, make_network, parse
from swiftnet_ros.backends.tensorrt.progress import attach_monitor, Reporter
from swiftnet_ros.backends.tensorrt.request import BuildRequest
from swiftnet_ros.backends.tensorrt.source import Source
from swiftnet_ros.errors import (
    BuildError,
    EngineUnavailableError,
    InvalidValueError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import read_model
from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights
from swiftnet_ros.system.files import write_atomic

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt


def use_timings(
    config: 'tensorrt.IBuilderConfig', path: Optional[Path]
) -> 'Optional[tensorrt.ITimingCache]':
    """Give TensorRT the timings of a file; a file of another TensorRT or GPU counts as none."""
    if path is None or not hasattr(config, 'create_timing_cache'):
        return None
    for content in ([path.read_bytes()] if path.is_file() else []) + [b'']:
        cache = config.create_timing_cache(content)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None


def keep_timings(cache: 'Optional[tensorrt.ITimingCache]', path: Optional[Path]) -> None:
    """Write the timings; a disk that refuses them is no error, the engine counts."""
    if cache is None or path is None:
        return
    with contextlib.suppress(OSError):
        write_atomic(path, bytes(cache.serialize()), private=True)


@dataclass(frozen=True)
class Built:
    """An engine and what only its build could tell."""

    engine: bytes
    seconds: float
    precisions: Dict[str, str]
    dla_fallback: Tuple[str, ...]


def build(
    trt: 'TensorRt',
    request: BuildRequest,
    source: Source,
    timings: Optional[Path],
    reporter: Reporter,
) -> Built:
    """Build an engine; this takes seconds to an hour."""
    messages = Messages()
    logger = make_logger(trt, messages)
    start = monotonic()
    reporter.enter('reading the model')
    model = prepared_model(trt, source)
    builder = _new_builder(trt, logger, request, messages)
    network = make_network(trt, builder)
    # The parser owns weights of the network: it has to live as long.
    parser = trt.OnnxParser(network, logger)
    parse(parser, model, source.path)
    config = _configured(trt, builder, network, request, source)
    fallback = _dla_fallback(config, network) if request.dla is not None else ()
    check = apply_calibration(trt, config, network, model, source, request.calibrator)
    cache = use_timings(config, timings)
    attach_monitor(trt, config, reporter)
    reporter.enter('building')
    with reporter.ticking():
        serialized = builder.build_serialized_network(network, config)
    check()
    if serialized is None:
        raise BuildError(source.path, messages.reason('it says no more'))
    seconds = monotonic() - start
    keep_timings(cache, timings)
    engine = bytes(serialized)
    # Room for the engine, which is loaded next.
    del serialized, cache, config, network, parser, builder, model
    reporter.enter('inspecting')
    precisions = _inspected(trt, logger, engine) if request.compute_capability is None else {}
    return Built(engine, seconds, precisions, fallback)


def prepared_model(trt: 'TensorRt', source: Source) -> onnx.ModelProto:
    """Read a file; an INT8 file is held to the pattern and written as this TensorRT reads it."""
    model = read_model(source.path)
    if not source.explicit:
        return model
    check_pairs(model, source.path)
    return with_float_weights(model) if wants_float_weights(trt) else model


def _new_builder(
    trt: 'TensorRt', logger: 'tensorrt.ILogger', request: BuildRequest, messages: Messages
) -> 'tensorrt.Builder':
    try:
        return trt.Builder(logger)
    # pybind11 says TypeError where TensorRT made nothing.
    except (TypeError, RuntimeError) as error:
        why = messages.reason('it makes no builder; it may not support the GPU of this machine')
        raise EngineUnavailableError(request.module, why) from error


def _configured(
    trt: 'TensorRt',
    builder: 'tensorrt.Builder',
    network: 'tensorrt.INetworkDefinition',
    request: BuildRequest,
    source: Source,
) -> 'tensorrt.IBuilderConfig':
    """Make what the builder is told, but for scales, timings and progress."""
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    apply_flags(trt, config, flag_names(trt, request, source))
    apply_memory(trt, config, request)
    if request.obey_precision:
        demand_precision(trt, network, source)
    _choose_device(trt, config, builder, request)
    return config


def _choose_device(
    trt: 'TensorRt',
    config: 'tensorrt.IBuilderConfig',
    builder: 'tensorrt.Builder',
    request: BuildRequest,
) -> None:
    if request.dla is not None:
        if request.dla >= builder.num_DLA_cores:
            expected = f'one of the {builder.num_DLA_cores} DLA cores here, counted from 0'
            raise InvalidValueError('DLA core', request.dla, expected)
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = request.dla
    if request.compute_capability is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(_capability(trt, request.compute_capability), 0)


def _capability(trt: 'TensorRt', text: str) -> 'tensorrt.ComputeCapability':
    kinds = trt.ComputeCapability
    known = {f'{n[2:-1]}.{n[-1]}': n for n in dir(kinds) if n.startswith('SM') and n[2:].isdigit()}
    if text not in known:
        raise UnknownNameError('compute capability', text, known)
    return cast('tensorrt.ComputeCapability', getattr(kinds, known[text]))


def _dla_fallback(
    config: 'tensorrt.IBuilderConfig', network: 'tensorrt.INetworkDefinition'
) -> Tuple[str, ...]:
    """Name the layers that the DLA does not take; the GPU computes them."""
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    return tuple(layer.name for layer in layers if not config.can_run_on_DLA(layer))


def _inspected(trt: 'TensorRt', logger: 'tensorrt.ILogger', engine: bytes) -> Dict[str, str]:
    """Load an engine to ask what its layers are; nothing where it cannot be loaded."""
    loaded = trt.Runtime(logger).deserialize_cuda_engine(engine)
    try:
        return {} if loaded is None else layer_precisions(trt, loaded)
    except json.JSONDecodeError:
        return {}
