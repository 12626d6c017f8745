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

"""End a training whose loss or weights are NaN or infinite, before they reach a file."""

import math
from pathlib import Path

from swiftnet_ros.errors import SwiftnetError
from training.run.finite import first_not_finite
from training.run.folder import RunPaths
from training.trainer.callbacks import Callback
from training.trainer.state import TrainState


class DivergedError(SwiftnetError):
    """A training whose loss or weights are no numbers any more; `kept` is its last checkpoint."""

    def __init__(self, what: str, state: TrainState, kept: Path | None) -> None:
        if kept is None:
            rest = 'no checkpoint was written before; start again with a lower optimizer.lr'
        else:
            rest = (
                f'{kept} is sound: take it as --init of another --out, with a lower optimizer.lr'
            )
        super().__init__(
            f'training diverged: {what} after step {state.step} (epoch {state.epoch}, learning '
            f'rate {state.learning_rate:.3g}); {rest}'
        )


def stop_if_diverged(paths: RunPaths, keep_steps: list[int]) -> Callback:
    """Raise DivergedError for a loss, or for weights that would be stored, that are not finite."""

    def check(state: TrainState) -> None:
        what = None
        if not math.isfinite(state.loss):
            what = f'the loss is {state.loss}'
        elif state.step % state.steps_per_epoch == 0 or state.step in keep_steps:
            name = first_not_finite(state.progress())
            what = name and f'{name} is NaN or infinite'
        if what is not None:
            raise DivergedError(what, state, paths.last if paths.last.exists() else None)

    return check
