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

"""Build a TensorRT engine from an ONNX model, with any supported TensorRT."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import cast, Dict, Optional, Tuple, TYPE_CHECKING

from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt.api import needs_float_weights
from swiftnet_ros.backends.tensorrt.builder_flags import (
    apply_flags,
    apply_memory,
    flag_names,
    require_precision,
)
from swiftnet_ros.backends.tensorrt.calibration import apply_calibration
from swiftnet_ros.backends.tensorrt.inspector import layer_precisions
from swiftnet_ros.backends.tensorrt.log import ErrorLog, make_logger
from swiftnet_ros.backends.tensorrt.network import create_network, parse_model
from swiftnet_ros.backends.tensorrt.progress import attach_monitor, ProgressReporter
from swiftnet_ros.backends.tensorrt.source import Source
from swiftnet_ros.errors import (
    BuildError,
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    UnknownNameError,
)
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.system.private_files import read_private_file

if TYPE_CHECKING:
    import onnx
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt

_MAX_TIMINGS_BYTES = 1 << 28


@dataclass(frozen=True)
class BuiltEngine:
    """A serialized engine, and facts that only its build knows."""

    engine: bytes
    seconds: float
    precisions: Dict[str, str]
    dla_fallback: Tuple[str, ...]


def build(
    trt: 'TensorRt',
    options: BackendOptions,
    source: Source,
    timing_cache: Optional[Path],
    reporter: ProgressReporter,
) -> BuiltEngine:
    """
    Build an engine, which can take from seconds to an hour.

    `timing_cache` is a file to read and write. Raise BuildError if TensorRT cannot build the
    model.
    """
    log = ErrorLog()
    logger = make_logger(trt, log)
    start = monotonic()
    reporter.enter('reading the model')
    model = _read_model(trt, source)
    builder = _create_builder(trt, logger, options, log)
    network = create_network(trt, builder)
    # The parser owns weights of the network, so it has to live as long.
    parser = trt.OnnxParser(network, logger)
    parse_model(parser, model, source.model.path)
    config = _create_config(trt, builder, network, options, source)
    fallback = _dla_fallback(config, network) if options.dla_core is not None else ()
    finish_calibration = apply_calibration(trt, config, network, model, source, options.calibrator)
    timings = _load_timings(config, timing_cache)
    attach_monitor(trt, config, reporter)
    reporter.enter('building')
    with reporter.reporting():
        serialized = builder.build_serialized_network(network, config)
    finish_calibration()
    if serialized is None:
        raise BuildError(source.model.path, log.reason('no reason given'))
    seconds = monotonic() - start
    _save_timings(timings, timing_cache)
    engine = bytes(serialized)
    # Free memory for the engine, which is loaded for inspection.
    del serialized, timings, config, network, parser, builder, model
    reporter.enter('inspecting')
    # An engine for another GPU cannot be loaded for inspection.
    targets_this_gpu = not options.compute_capability
    precisions = layer_precisions(trt, logger, engine) if targets_this_gpu else {}
    return BuiltEngine(engine, seconds, precisions, fallback)


def _read_model(trt: 'TensorRt', source: Source) -> 'onnx.ModelProto':
    """Return the model, its Q/DQ pairs checked and written as this TensorRT reads them."""
    model = source.graph
    if not source.is_explicit:
        return model
    # The module onnx is imported only where an engine is built.
    from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights, with_own_weights

    path = source.model.path
    with library_errors(lambda reason: InvalidModelError(path, f'its graph is odd: {reason}')):
        check_pairs(model, path)
        return (with_float_weights if needs_float_weights(trt) else with_own_weights)(model)


def _create_builder(
    trt: 'TensorRt', logger: 'tensorrt.ILogger', options: BackendOptions, log: ErrorLog
) -> 'tensorrt.Builder':
    try:
        return trt.Builder(logger)
    # pybind11 raises TypeError if TensorRT returns null.
    except (TypeError, RuntimeError) as error:
        why = log.reason('TensorRT could not create a builder; it may not support this GPU')
        raise EngineUnavailableError(options.module, why) from error


def _create_config(
    trt: 'TensorRt',
    builder: 'tensorrt.Builder',
    network: 'tensorrt.INetworkDefinition',
    options: BackendOptions,
    source: Source,
) -> 'tensorrt.IBuilderConfig':
    """Return the configuration, except for calibration, timing cache and progress monitor."""
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    apply_flags(trt, config, flag_names(trt, options, source))
    apply_memory(trt, config, options)
    if options.obey_precision:
        require_precision(trt, network, source)
    if options.dla_core is not None:
        if options.dla >= builder.num_DLA_cores:
            expected = (
                f'one of the {builder.num_DLA_cores} DLA cores of this device, counted from 0'
            )
            raise InvalidValueError('DLA core', options.dla, expected)
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = options.dla
    if options.compute_capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(_compute_capability(trt, options.compute_capability), 0)
    return config


def _compute_capability(trt: 'TensorRt', text: str) -> 'tensorrt.ComputeCapability':
    kinds = trt.ComputeCapability
    # SM86 is 8.6.
    known = {f'{n[2:-1]}.{n[-1]}': n for n in dir(kinds) if n.startswith('SM') and n[2:].isdigit()}
    if text not in known:
        raise UnknownNameError('compute capability', text, known)
    return cast('tensorrt.ComputeCapability', getattr(kinds, known[text]))


def _dla_fallback(
    config: 'tensorrt.IBuilderConfig', network: 'tensorrt.INetworkDefinition'
) -> Tuple[str, ...]:
    """Return the names of the layers that the DLA does not support, which run on the GPU."""
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    return tuple(layer.name for layer in layers if not config.can_run_on_DLA(layer))


def _load_timings(
    config: 'tensorrt.IBuilderConfig', path: Optional[Path]
) -> 'Optional[tensorrt.ITimingCache]':
    """Return the timing cache of a file; empty if it is for another TensorRT version or GPU."""
    if path is None or not hasattr(config, 'create_timing_cache'):
        return None
    contents = [b'']
    # A cache that cannot be read is made anew.
    with suppress(OSError):
        contents.insert(0, read_private_file(path, _MAX_TIMINGS_BYTES, follow_link=True))
    for content in contents:
        timings = config.create_timing_cache(content)
        if timings is not None and config.set_timing_cache(timings, False):
            return timings
    return None


def _save_timings(timings: 'Optional[tensorrt.ITimingCache]', path: Optional[Path]) -> None:
    """Write the timing cache; a full or read-only disk must not fail the build."""
    if timings is not None and path is not None:
        with suppress(OSError):
            write_atomic(path, bytes(timings.serialize()), private=True)
