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

"""The machine of a measurement."""

import os
from typing import Any

from swiftnet_ros.backends.openvino.engine import cpu_flags
from swiftnet_ros.benchmark.report import versions

_RELEVANT_FLAGS = ('amx', 'asimd', 'avx', 'f16c', 'fma', 'neon', 'sse4', 'sve')
_ABOVE_AVX2 = ('amx', 'avx512', 'avx_vnni')


def machine_facts(device: str, threads: int, load: float, **packages: str) -> dict[str, Any]:
    """
    Return the CPU, the load before the measurement, and versions of more `packages` too.

    Instructions that ONEDNN_MAX_CPU_ISA keeps OpenVINO from using are not listed.
    """
    limit = os.environ.get('ONEDNN_MAX_CPU_ISA', '')
    unused = _ABOVE_AVX2 if limit.upper() in ('SSE41', 'AVX', 'AVX2') else ()
    flags = sorted(
        flag
        for flag in cpu_flags()
        if flag.startswith(_RELEVANT_FLAGS) and not flag.startswith(unused)
    )
    return {
        'cpu': f'{device} (oneDNN limited to {limit})' if limit else device,
        'cpus': len(os.sched_getaffinity(0)),
        'threads': threads,
        'load': load,
        'flags': flags,
        'versions': {**versions(), **packages},
    }
