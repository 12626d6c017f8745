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

"""The report of a benchmark: figures of a run, and everything that they depend on."""

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
from typing import Any, Dict, Iterable, List, Optional, Sequence

import cv2
import numpy as np
from swiftnet_ros.benchmark.measurement import EngineTimes, Measurement
from swiftnet_ros.core.metrics import class_iou, mean_iou
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter

_PACKAGES = ('swiftnet_ros', 'rclpy', 'openvino', 'tensorrt', 'pycuda', 'numpy')
_CPU_INFO = Path('/proc/cpuinfo')


@dataclass(frozen=True)
class Round:
    """A run, and how fast the engine was by itself just before."""

    run: Measurement
    alone: EngineTimes


def report(rounds: Sequence[Round], spec: ModelSpec) -> Dict[str, Any]:
    """
    Sum up the rounds; mIoU is a fraction of 1, and None where no labels were compared.

    Ratios to the engine are medians of the rounds' own.
    """
    runs = [item.run for item in rounds]
    latencies = [value for run in runs for value in run.latencies_ms]
    sent, seconds = sum(run.sent for run in runs), sum(run.seconds for run in runs)
    p50, p95, p99 = (_percentile(latencies, percent) for percent in (50, 95, 99))
    return {
        'sent': sent,
        'received': len(latencies),
        'dropped': sent - len(latencies),
        'fps': len(latencies) / seconds if seconds else None,
        'p50_ms': p50,
        'p95_ms': p95,
        'p99_ms': p99,
        'engine_ms': _median(item.alone.engine_ms for item in rounds),
        'pipeline_ms': _median(item.alone.pipeline_ms for item in rounds),
        **_ratios(rounds),
        'rounds': [_round(item) for item in rounds],
        **_node_facts(runs),
        'miou': None if runs[0].matrix is None else mean_iou(runs[0].matrix),
        'iou': _iou_by_name(runs[0], spec),
    }


def _ratios(rounds: Sequence[Round]) -> Dict[str, Optional[float]]:
    """Give what matters in times of the engine: latency, its tail, and frames out."""
    ratios: Dict[str, List[float]] = {'p50': [], 'p99': [], 'fps': []}
    for item in rounds:
        if not item.run.latencies_ms:
            continue
        for name, percent in (('p50', 50), ('p99', 99)):
            value = float(np.percentile(item.run.latencies_ms, percent))
            ratios[name].append(value / item.alone.engine_ms)
        fps = len(item.run.latencies_ms) / item.run.seconds
        ratios['fps'].append(fps * item.alone.engine_ms / 1000)
    return {f'{name}_over_engine': _median(values) for name, values in ratios.items()}


def _round(item: Round) -> Dict[str, Any]:
    run = item.run
    return {
        **asdict(item.alone),
        'p50_ms': _percentile(run.latencies_ms, 50),
        'p99_ms': _percentile(run.latencies_ms, 99),
        'fps': len(run.latencies_ms) / run.seconds if run.seconds else None,
    }


def _node_facts(runs: Sequence[Measurement]) -> Dict[str, Any]:
    """Tell what the node held in memory, and how much more at the end than in the middle."""
    memory = [value for run in runs for value in run.memory_mb]
    third = len(memory) // 3
    grown = np.median(memory[-third:]) - np.median(memory[third:-third]) if third else None
    return {
        'memory_mb': max(memory, default=None),
        'memory_growth_mb': None if grown is None else float(grown),
        'stages_ms': runs[-1].stages_ms,
    }


def versions() -> Dict[str, Optional[str]]:
    """Name the versions of what takes part; None for what is not installed as a package."""
    found = {name: _version(name) for name in _PACKAGES}
    found.update(python=platform.python_version(), opencv=cv2.__version__)
    return {**found, 'ros_distro': os.environ.get('ROS_DISTRO')}


def model_facts(segmenter: Segmenter, path: Path) -> Dict[str, Any]:
    """Return the model, its file, and what runs it in which precision."""
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
        # Whether one call sends all of a frame's work to the GPU; None without one.
        'cuda_graph': segmenter.uses_cuda_graph,
        'cpu': _cpu(),
    }


def _iou_by_name(run: Measurement, spec: ModelSpec) -> Optional[Dict[str, Optional[float]]]:
    if run.matrix is None:
        return None
    return dict(zip(spec.class_names, class_iou(run.matrix)))


def _percentile(values: Sequence[float], percent: int) -> Optional[float]:
    return float(np.percentile(values, percent)) if values else None


def _median(values: Iterable[float]) -> Optional[float]:
    return _percentile(list(values), 50)


def _version(package: str) -> Optional[str]:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    """Give the name of the CPU's model, its architecture where Linux does not say it."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
