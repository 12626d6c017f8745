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


"""Milliseconds per pyramid level and block, by the times that OpenVINO keeps of its operations."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from swiftnet_ros.backends.openvino.engine import OpenVinoEngine
from swiftnet_ros.core.frames import to_network_input
from swiftnet_ros.model_spec import read_model
from training.profiling.cases import Case
from training.profiling.pyramid_graph import (
    Gmacs,
    gmacs_by_place,
    order,
    Place,
    places,
    require_blocks,
)
from training.profiling.timing import camera_frame, in_rounds, milliseconds, WARM_UP

_EXECUTED = 'EXECUTED'
# The last round of the warm-up is what the first measured one adds to.
_FIRST = WARM_UP - 1


@dataclass(frozen=True)
class Operation:
    """
    One operation of the network as OpenVINO runs it.

    `originals` are the nodes of the file that were fused into it, `after` the operations whose
    results it takes.
    """

    name: str
    originals: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class BlockTimes:
    """
    Milliseconds of one case: medians of the whole forward pass and of each place.

    What the places leave of the forward pass is spent between operations. `best_ms` is each
    place's best round: with luck one in which no other process came in between.
    """

    case: Case
    forward_ms: float
    place_ms: Mapping[Place, float]
    best_ms: Mapping[Place, float]
    place_gmacs: Mapping[Place, Gmacs]

    @property
    def remainder_ms(self) -> float:
        """Give the part of the forward pass that is in no place."""
        return self.forward_ms - sum(self.place_ms.values())


class ObservedEngine(OpenVinoEngine):
    """The runtime's engine, with a clock on each operation."""

    extra_options: ClassVar[dict[str, str]] = {'PERF_COUNT': 'YES'}

    def operations(self) -> list[Operation]:
        """List the operations, each after those whose results it takes."""
        graph = self._request.get_compiled_model().get_runtime_model()
        return [_operation(node) for node in graph.get_ordered_ops()]

    def mean_ms(self) -> dict[str, float]:
        """Give the mean time of each operation over all calls so far."""
        return {
            entry.node_name: entry.real_time.total_seconds() * 1000
            for entry in self._request.profiling_info
            if entry.status.name == _EXECUTED
        }


def time_blocks(cases: Sequence[Case], threads: int, repeats: int) -> list[BlockTimes]:
    """Measure every case in one run, in rounds; a network without named blocks is an error."""
    clocks = []
    with ExitStack() as stack:
        for case in cases:
            engine = ObservedEngine(case.path, case.engine_precision, threads)
            stack.callback(engine.close)
            clocks.append(_Clock(case, engine))
        for clock in in_rounds(clocks, WARM_UP + repeats):
            clock.measure()
    return [clock.result() for clock in clocks]


def place_operations(
    operations: Sequence[Operation], known: Mapping[str, Place]
) -> dict[str, Place]:
    """
    Give every operation that works on the image one place.

    It is that of the first node that was fused into it and is known. Operations of the
    compiler's own, as a change of layout or a convolution that swallowed its norm and lost its
    name, belong to what they work for, the last ones to what they come after.
    """
    placed: dict[str, Place] = {}
    for operation in operations:
        named = [place for name in operation.originals if (place := _known(name, known))]
        if named:
            placed[operation.name] = named[0]
    takers: dict[str, list[str]] = {}
    for operation in operations:
        for name in operation.after:
            takers.setdefault(name, []).append(operation.name)
    for operation in reversed(operations):
        _inherit(placed, operation.name, takers.get(operation.name, []))
    for operation in operations:
        _inherit(placed, operation.name, operation.after)
    return placed


def _known(name: str, known: Mapping[str, Place]) -> Place | None:
    """Look a node up; in int8 networks the compiler adds to some names what it did to them."""
    asked = (name, name.rpartition('/')[0], name.removesuffix('_original'))
    return next((known[other] for other in asked if other in known), None)


def _inherit(placed: dict[str, Place], name: str, others: Sequence[str]) -> None:
    found = [placed[other] for other in others if other in placed]
    if name not in placed and found:
        placed[name] = found[0]


def _operation(node: Any) -> Operation:
    facts = node.get_rt_info()
    known = 'originalLayersNames' in facts
    originals = facts['originalLayersNames'].astype(str) if known else ''
    sources = [value.get_node().get_friendly_name() for value in node.input_values()]
    return Operation(node.get_friendly_name(), tuple(originals.split(',')), tuple(sources))


class _Clock:
    """One case and what was measured of it, round by round."""

    def __init__(self, case: Case, engine: ObservedEngine) -> None:
        model = read_model(case.path)
        known = places(model)
        require_blocks(case.path, known)
        self._case, self._engine = case, engine
        self._gmacs = gmacs_by_place(model)
        self._placed = place_operations(engine.operations(), known)
        frame = camera_frame(case.height, case.width)
        self._image = to_network_input(frame, case.height, case.width)
        self._forward: list[float] = []
        self._totals: list[dict[Place, float]] = []

    def measure(self) -> None:
        self._forward.append(milliseconds(self._engine.infer, self._image))
        calls = len(self._forward)
        total = dict.fromkeys(self._placed.values(), 0.0)
        for name, mean in self._engine.mean_ms().items():
            if name in self._placed:
                total[self._placed[name]] += calls * mean
        self._totals.append(total)

    def result(self) -> BlockTimes:
        # The clocks never go back to zero: a round's time is what it added.
        rounds = list(pairwise(self._totals[_FIRST:]))
        spent = {
            place: [after[place] - before[place] for before, after in rounds]
            for place in sorted(self._totals[-1], key=order)
        }
        return BlockTimes(
            self._case,
            float(np.median(self._forward[WARM_UP:])),
            {place: float(np.median(times)) for place, times in spent.items()},
            {place: min(times) for place, times in spent.items()},
            self._gmacs,
        )
