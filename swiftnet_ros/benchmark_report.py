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

from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
from typing import Any, Dict, Optional

import cv2
import numpy as np
from swiftnet_ros.benchmark_runs import Run
from swiftnet_ros.engines.base import Engine
from swiftnet_ros.metrics import class_iou, mean_iou

_PACKAGES = ('swiftnet_ros', 'rclpy', 'openvino', 'tensorrt', 'pycuda', 'numpy')
_CPU_INFO = Path('/proc/cpuinfo')


def report(run: Run, engine: Engine, engine_ms: float, choice: str) -> Dict[str, Any]:
    """
    Sum a run up; mIoU is a fraction of 1, and None where no labels were compared.

    `choice` says why it is that engine, empty if it was asked for by name.
    """
    received = len(run.latencies_ms)
    p50, p95, p99 = (_percentile(run, percent) for percent in (50, 95, 99))
    return {
        'sent': run.sent,
        'received': received,
        'dropped': run.sent - received,
        'fps': received / run.seconds if run.seconds else None,
        'p50_ms': p50,
        'p95_ms': p95,
        'p99_ms': p99,
        'engine_ms': engine_ms,
        'miou': None if run.matrix is None else mean_iou(run.matrix),
        'iou': _iou_by_name(run, engine),
        **_engine_facts(engine),
        'engine_choice': choice,
        'versions': versions(),
    }


def versions() -> Dict[str, Optional[str]]:
    """Name the versions of what takes part; None for what is not installed as a package."""
    found = {name: _version(name) for name in _PACKAGES}
    found.update(python=platform.python_version(), opencv=cv2.__version__)
    return {**found, 'ros_distro': os.environ.get('ROS_DISTRO')}


def _engine_facts(engine: Engine) -> Dict[str, Any]:
    spec = engine.spec
    return {
        'model': spec.name,
        'input_height': spec.input_height,
        'input_width': spec.input_width,
        'engine': engine.name,
        'precision': engine.precision,
        'threads': engine.threads,
        'device': engine.device,
        'cpu': _cpu(),
    }


def _iou_by_name(run: Run, engine: Engine) -> Optional[Dict[str, Optional[float]]]:
    if run.matrix is None:
        return None
    return dict(zip(engine.spec.class_names, class_iou(run.matrix)))


def _percentile(run: Run, percent: int) -> Optional[float]:
    if not run.latencies_ms:
        return None
    return float(np.percentile(run.latencies_ms, percent))


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
