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

"""The report of a benchmark: its metrics, and the versions and devices they depend on."""

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
from typing import Any, Dict, Iterable, List, Optional, Sequence

import cv2
import numpy as np
from swiftnet_ros.benchmark.measurement import EngineTimes, Measurement, NodeUsage
from swiftnet_ros.core.metrics import class_iou, mean_iou
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter

_PACKAGES = ('swiftnet_ros', 'rclpy', 'openvino', 'tensorrt', 'pycuda', 'numpy')
_CPU_INFO = Path('/proc/cpuinfo')


@dataclass(frozen=True)
class Round:
    """A measurement, and its baseline: the times of the segmenter alone just before it."""

    measurement: Measurement
    baseline: EngineTimes


def report(rounds: Sequence[Round], spec: ModelSpec) -> Dict[str, Any]:
    """
    Return the metrics of all rounds; mIoU is a fraction, 0 to 1, and None without labels.

    Ratios to the time of the engine are medians over the rounds.
    """
    measurements = [item.measurement for item in rounds]
    total = Measurement(
        len(spec.classes),
        sent=sum(item.sent for item in measurements),
        seconds=sum(item.seconds for item in measurements),
        latencies_ms=[value for item in measurements for value in item.latencies_ms],
        matrix=measurements[0].matrix,
        memory_mb=[value for item in measurements for value in item.memory_mb],
        stages_ms=measurements[-1].stages_ms,
    )
    return {
        'sent': total.sent,
        'received': len(total.latencies_ms),
        'dropped': total.sent - len(total.latencies_ms),
        'fps': total.fps,
        **{f'p{percent}_ms': total.percentile_ms(percent) for percent in (50, 95, 99)},
        'engine_ms': _median(item.baseline.engine_ms for item in rounds),
        'pipeline_ms': _median(item.baseline.pipeline_ms for item in rounds),
        **_ratios(rounds),
        'rounds': [_round(item) for item in rounds],
        **_memory(total.memory_mb),
        'stages_ms': total.stages_ms,
        'usage': _usage(rounds),
        **_accuracy(total, spec),
    }


def _ratios(rounds: Sequence[Round]) -> Dict[str, Optional[float]]:
    """Return latency and throughput relative to inference alone."""
    ratios: Dict[str, List[float]] = {'p50': [], 'p99': [], 'fps': []}
    for item in rounds:
        engine_ms = item.baseline.engine_ms
        p50, p99 = (item.measurement.percentile_ms(percent) for percent in (50, 99))
        fps = item.measurement.fps
        if p50 is not None and p99 is not None and fps is not None:
            ratios['p50'].append(p50 / engine_ms)
            ratios['p99'].append(p99 / engine_ms)
            ratios['fps'].append(fps * engine_ms / 1000)
    return {f'{name}_over_engine': _median(values) for name, values in ratios.items()}


def _usage(rounds: Sequence[Round]) -> Optional[Dict[str, float]]:
    """
    Return what the node's process used per label image, and besides inference; medians.

    `besides_engine_ms` is its CPU time without that of inference alone, `besides_engine_cores`
    the same as a fraction of one CPU.
    """
    measured = [
        _usage_of(item.measurement.usage, item.baseline)
        for item in rounds
        if item.measurement.usage is not None and item.measurement.usage.label_images
    ]
    if not measured:
        return None
    return {key: float(np.median([item[key] for item in measured])) for key in measured[0]}


def _usage_of(usage: NodeUsage, baseline: EngineTimes) -> Dict[str, float]:
    cpu_ms = 1000 * usage.cpu_seconds / usage.label_images
    besides_ms = cpu_ms - baseline.engine_cpu_ms
    return {
        'cpu_ms': cpu_ms,
        'engine_cpu_ms': baseline.engine_cpu_ms,
        'besides_engine_ms': besides_ms,
        'besides_engine_cores': besides_ms * usage.label_images / usage.seconds / 1000,
        'page_faults': usage.page_faults / usage.label_images,
    }


def _round(item: Round) -> Dict[str, Any]:
    return {
        **asdict(item.baseline),
        'p50_ms': item.measurement.percentile_ms(50),
        'p99_ms': item.measurement.percentile_ms(99),
        'fps': item.measurement.fps,
    }


def _memory(memory_mb: Sequence[float]) -> Dict[str, Optional[float]]:
    """Return the largest memory of the node, and its growth since the middle of the run."""
    third = len(memory_mb) // 3
    growth = None
    if third:
        growth = float(np.median(memory_mb[-third:]) - np.median(memory_mb[third:-third]))
    return {'memory_mb': max(memory_mb, default=None), 'memory_growth_mb': growth}


def _accuracy(measurement: Measurement, spec: ModelSpec) -> Dict[str, Any]:
    if measurement.matrix is None:
        return {'miou': None, 'iou': None}
    iou = dict(zip(spec.class_names, class_iou(measurement.matrix)))
    return {'miou': mean_iou(measurement.matrix), 'iou': iou}


def versions() -> Dict[str, Optional[str]]:
    """Return the versions of all packages involved, None if one is not installed."""
    found = {name: _version(name) for name in _PACKAGES}
    found.update(python=platform.python_version(), opencv=cv2.__version__)
    return {**found, 'ros_distro': os.environ.get('ROS_DISTRO')}


def model_facts(segmenter: Segmenter, path: Path) -> Dict[str, Any]:
    """Return the model, its file, and the backend, precision and device that run it."""
    spec = segmenter.spec
    return {
        'model': spec.name,
        'file': path.name,
        'input_height': spec.input_height,
        'input_width': spec.input_width,
        'engine': segmenter.backend,
        'precision': segmenter.precision,
        'threads': segmenter.threads,
        'device': segmenter.device,
        'cuda_graph': segmenter.uses_cuda_graph,
        'cpu': _cpu(),
    }


def _median(values: Iterable[float]) -> Optional[float]:
    listed = list(values)
    return float(np.median(listed)) if listed else None


def _version(package: str) -> Optional[str]:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    """Return the model name of the CPU, or its architecture if it is unknown."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
