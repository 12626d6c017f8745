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


"""Build the engines of a pair in each precision, measure them, and keep the fastest."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
import sys
from time import perf_counter
from typing import Dict, List, Optional, Tuple

import numpy as np
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.backends.tensorrt.api import (
    has_calibrators,
    is_strongly_typed,
    tensorrt_module,
)
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.backends.tensorrt.engine_cache import engines_folder, find_or_build
from swiftnet_ros.backends.tensorrt.measured import write_fastest
from swiftnet_ros.backends.tensorrt.progress import ProgressCallback
from swiftnet_ros.errors import (
    FileMissingError,
    NoFastestError,
    OptionConflictError,
    SwiftnetError,
)
from swiftnet_ros.model_spec import ModelFile, read_model_file
from swiftnet_ros.model_spec.find_model import sibling
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.self_check import check_frame, self_check

_WARM_UP, _TIMED = 5, 50


@dataclass(frozen=True)
class EngineCandidate:
    """One way to build an engine of a pair."""

    title: str
    file: Path
    precision: str
    calibration: Optional[Path] = None


@dataclass(frozen=True)
class MeasuredCandidate:
    """
    What a candidate was measured at: milliseconds per golden frame, its labels included.

    `failure` says why it is out, empty for a sound engine.
    """

    title: str
    file: str
    engine: str = ''
    ms: Optional[float] = None
    agreement: Optional[float] = None
    failure: str = ''


def candidates(model: ModelFile, module: str) -> List[EngineCandidate]:
    """Return explicit and implicit INT8 and FP16 of a pair, those that TensorRT has."""
    trt = tensorrt_module(module)
    quantized, source, half = (sibling(model.path, name) for name in ('int8', 'fp32', 'fp16'))
    found = [EngineCandidate('int8 explicit', quantized, 'int8')]
    if has_calibrators(trt):
        table = quantized.with_suffix('.calibration')
        found.append(EngineCandidate('int8 implicit', source, 'int8', table))
    found.append(EngineCandidate('fp16', half if is_strongly_typed(trt) else source, 'fp16'))
    return found


def build_fastest(
    model: ModelFile, options: BackendOptions, report: ProgressCallback
) -> Tuple[Path, List[MeasuredCandidate]]:
    """
    Return the fastest sound engine of a pair and all measurements, and record it in the cache.

    A node with precision auto finds it there. Raise NoFastestError if no engine is sound.
    """
    for name, is_given in (
        ('--calibration', bool(options.calibration)),
        ('--dla', options.dla_core is not None),
        ('--output', bool(options.output)),
        ('--compute-capability', bool(options.compute_capability)),
    ):
        if is_given:
            raise OptionConflictError(name, '--precision best')
    measured = [_measured(item, options, report) for item in candidates(model, options.module)]
    times: Dict[str, float] = {
        item.engine: item.ms for item in measured if item.ms is not None and not item.failure
    }
    if not times:
        raise NoFastestError(model.path, [f'{item.title}: {item.failure}' for item in measured])
    engine = Path(min(times, key=lambda path: times[path]))
    default = replace(options, precision=AUTO)
    tree = [asdict(item) for item in measured]
    write_fastest(engines_folder(options), model, default, engine, tree)
    return engine, measured


def _measured(
    candidate: EngineCandidate, options: BackendOptions, report: ProgressCallback
) -> MeasuredCandidate:
    """Build a candidate, unless it is in the cache, and measure it; keep the error, if any."""
    result = MeasuredCandidate(candidate.title, candidate.file.name)
    try:
        for path in filter(None, (candidate.file, candidate.calibration)):
            if not path.is_file():
                raise FileMissingError(path, 'file')
        print(f'{candidate.title}, from {candidate.file.name}', file=sys.stderr, flush=True)
        file = read_model_file(candidate.file)
        calibration = str(candidate.calibration or '')
        own = replace(options, precision=candidate.precision, calibration=calibration)
        path = find_or_build(file, own, report)
        result = replace(result, engine=str(path))
        with Segmenter(TensorRtBackend(path, candidate.precision, file)) as segmenter:
            agreement = self_check(segmenter, file, options.self_check_min_agreement)
            return replace(result, agreement=agreement, ms=_time(segmenter, file))
    except SwiftnetError as error:
        return replace(result, failure=str(error))


def _time(segmenter: Segmenter, file: ModelFile) -> float:
    """Return the median milliseconds of the golden frame, from pixels to labels in memory."""
    frame, times = check_frame(file), []
    for _ in range(_WARM_UP + _TIMED):
        start = perf_counter()
        segmenter.segment(frame)
        times.append(1000 * (perf_counter() - start))
    return float(np.median(times[_WARM_UP:]))
