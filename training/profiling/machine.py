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
# Limits of oneDNN in their order, and how the flags of the instructions that each adds begin.
_LADDER = {
    'SSE41': (), 'AVX': (), 'AVX2': (), 'AVX2_VNNI': ('avx_vnni',), 'AVX512_CORE': ('avx512',),
    'AVX512_CORE_VNNI': ('avx512_vnni',), 'AVX512_CORE_BF16': ('avx512_bf16',),
    'AVX512_CORE_FP16': ('avx512_fp16',), 'AVX512_CORE_AMX': ('amx',),
}  # fmt: skip


def machine_facts(device: str, threads: int, load: float, **packages: str) -> dict[str, Any]:
    """
    Return the CPU, the load before the measurement, and versions of more `packages` too.

    Instructions that ONEDNN_MAX_CPU_ISA keeps OpenVINO from using are not listed.
    """
    limit = os.environ.get('ONEDNN_MAX_CPU_ISA', '')
    flags = sorted(
        flag
        for flag in cpu_flags()
        if flag.startswith(_RELEVANT_FLAGS) and not flag.startswith(_above(limit.upper()))
    )
    return {
        'cpu': f'{device} (oneDNN limited to {limit})' if limit else device,
        'cpus': len(os.sched_getaffinity(0)),
        'threads': threads,
        'load': load,
        'flags': flags,
        'versions': {**versions(), **packages},
    }


def _above(limit: str) -> tuple[str, ...]:
    """Return how the flags begin that a limit rules out; none if it is unknown or no limit."""
    names = list(_LADDER)
    first = names.index(limit) + 1 if limit in names else len(names)
    return tuple(flag for name in names[first:] for flag in _LADDER[name])
