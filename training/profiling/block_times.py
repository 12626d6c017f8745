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

"""Milliseconds per pyramid level and block, from OpenVINO's profile of its operations."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from swiftnet_ros.backends.openvino.engine import OpenVinoBackend
from swiftnet_ros.core.frames import to_network_input
from swiftnet_ros.model_spec import read_model
from swiftnet_ros.system.progress import progress
from training.profiling.cases import Case
from training.profiling.pyramid_graph import (
    Gmacs,
    gmacs_by_position,
    graph_positions,
    GraphPosition,
    position_order,
    require_blocks,
)
from training.profiling.timing import camera_frame, in_rounds, milliseconds, WARM_UP

_EXECUTED = 'EXECUTED'
# The last warm-up round, on whose totals the first measured round adds.
_BASELINE_ROUND = WARM_UP - 1


@dataclass(frozen=True)
class Operation:
    """
    One operation of the compiled network.

    `originals` are the nodes of the file that were fused into it, `inputs` the operations whose
    outputs it reads.
    """

    name: str
    originals: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class BlockTimes:
    """
    Milliseconds of one case: medians of the whole forward pass and of each position.

    `best_ms` is the best round of each position, which other processes disturbed least.
    """

    case: Case
    forward_ms: float
    position_ms: Mapping[GraphPosition, float]
    best_ms: Mapping[GraphPosition, float]
    gmacs: Mapping[GraphPosition, Gmacs]

    @property
    def remainder_ms(self) -> float:
        """Return the time of the forward pass between operations."""
        return self.forward_ms - sum(self.position_ms.values())


class ProfiledEngine(OpenVinoBackend):
    """The runtime's engine with profiling of every operation."""

    extra_options: ClassVar[dict[str, str]] = {'PERF_COUNT': 'YES'}

    def operations(self) -> list[Operation]:
        """Return the operations in topological order."""
        graph = self._request.get_compiled_model().get_runtime_model()
        return [_operation(node) for node in graph.get_ordered_ops()]

    def mean_ms(self) -> dict[str, float]:
        """Return the mean time of each operation over all calls so far."""
        return {
            entry.node_name: entry.real_time.total_seconds() * 1000
            for entry in self._request.profiling_info
            if entry.status.name == _EXECUTED
        }


def time_blocks(cases: Sequence[Case], threads: int, repeats: int) -> list[BlockTimes]:
    """Measure all cases interleaved; raise InvalidModelError for a network without blocks."""
    timers = []
    with ExitStack() as stack:
        for case in cases:
            engine = ProfiledEngine.from_path(case.path, case.precision, threads)
            stack.callback(engine.close)
            timers.append(_BlockTimer(case, engine))
        turns = in_rounds(timers, WARM_UP + repeats)
        for timer in progress(turns, 'measure blocks', (WARM_UP + repeats) * len(timers)):
            timer.measure()
    return [timer.result() for timer in timers]


def operation_positions(
    operations: Sequence[Operation], nodes: Mapping[str, GraphPosition]
) -> dict[str, GraphPosition]:
    """
    Return the position of every operation computed from the image.

    It is that of the first known node that was fused into it. Operations that the compiler added,
    such as a change of layout, or a convolution that absorbed its norm and lost its name, have
    the position of their first reader, the last ones that of their input.
    """
    positions: dict[str, GraphPosition] = {}
    readers: dict[str, list[str]] = {}
    for operation in operations:
        found = [p for name in operation.originals if (p := _find_position(name, nodes))]
        if found:
            positions[operation.name] = found[0]
        for name in operation.inputs:
            readers.setdefault(name, []).append(operation.name)
    for operation in reversed(operations):
        _inherit(positions, operation.name, readers.get(operation.name, []))
    for operation in operations:
        _inherit(positions, operation.name, operation.inputs)
    return positions


def _find_position(name: str, nodes: Mapping[str, GraphPosition]) -> GraphPosition | None:
    """Look up a node, to whose name the compiler may have added a suffix in int8 networks."""
    candidates = (name, name.rpartition('/')[0], name.removesuffix('_original'))
    return next((nodes[other] for other in candidates if other in nodes), None)


def _inherit(positions: dict[str, GraphPosition], name: str, others: Sequence[str]) -> None:
    found = [positions[other] for other in others if other in positions]
    if name not in positions and found:
        positions[name] = found[0]


def _operation(node: Any) -> Operation:
    info = node.get_rt_info()
    originals = info['originalLayersNames'].astype(str) if 'originalLayersNames' in info else ''
    inputs = [value.get_node().get_friendly_name() for value in node.input_values()]
    return Operation(node.get_friendly_name(), tuple(originals.split(',')), tuple(inputs))


class _BlockTimer:
    """One case and its measurements, round by round."""

    def __init__(self, case: Case, engine: ProfiledEngine) -> None:
        model = read_model(case.path)
        nodes = graph_positions(model)
        require_blocks(case.path, nodes)
        self._case, self._engine = case, engine
        self._gmacs = gmacs_by_position(model)
        self._positions = operation_positions(engine.operations(), nodes)
        frame = camera_frame(case.height, case.width)
        self._image = to_network_input(frame, case.height, case.width)
        self._forward: list[float] = []
        self._totals: list[dict[GraphPosition, float]] = []

    def measure(self) -> None:
        self._forward.append(milliseconds(self._engine.infer, self._image))
        calls = len(self._forward)
        total = dict.fromkeys(self._positions.values(), 0.0)
        for name, mean in self._engine.mean_ms().items():
            if name in self._positions:
                total[self._positions[name]] += calls * mean
        self._totals.append(total)

    def result(self) -> BlockTimes:
        # OpenVINO accumulates times over all calls: a round's time is the difference.
        rounds = list(pairwise(self._totals[_BASELINE_ROUND:]))
        spent = {
            position: [after[position] - before[position] for before, after in rounds]
            for position in sorted(self._totals[-1], key=position_order)
        }
        return BlockTimes(
            self._case,
            float(np.median(self._forward[WARM_UP:])),
            {position: float(np.median(times)) for position, times in spent.items()},
            {position: min(times) for position, times in spent.items()},
            self._gmacs,
        )
