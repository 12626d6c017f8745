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

"""The state of a training run at one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer
from torch.optim.swa_utils import AveragedModel
from training.run.checkpoint import CheckpointError

# The attributes whose state a checkpoint keeps under the same names.
_WITH_STATE = ('network', 'ema', 'optimizer', 'scheduler')


@dataclass
class TrainState:
    """
    Network, weight average, optimizer, schedule and progress of a run.

    `model` may be wrapped for several processes; `network` is the module itself. `loss` and
    `learning_rate` are those of the last step, the latter of the decoder.
    """

    model: nn.Module
    network: nn.Module
    ema: AveragedModel
    optimizer: Optimizer
    scheduler: LRScheduler
    steps_per_epoch: int
    steps: int
    step: int = 0
    loss: float = float('nan')
    learning_rate: float = float('nan')
    miou: float | None = None

    @property
    def epoch(self) -> int:
        """Return the number of finished epochs."""
        return self.step // self.steps_per_epoch

    def averaged_network(self) -> nn.Module:
        """Return the network of the averaged weights (EMA) in evaluation mode."""
        network = self.ema.module
        assert isinstance(network, nn.Module)
        return network.eval()

    def progress(self) -> dict[str, Any]:
        """Return everything that an interrupted run needs to resume."""
        return {
            **{name: getattr(self, name).state_dict() for name in _WITH_STATE},
            'step': self.step,
            'steps': self.steps,
        }

    def resume(self, progress: Mapping[str, Any], path: Path) -> None:
        """Restore the progress of an interrupted run; raise CheckpointError if it does not fit."""
        if progress.get('steps') != self.steps:
            raise CheckpointError(
                path,
                f'its run has {progress.get("steps")} steps and this one {self.steps}; '
                'choose another --out or restore the configuration',
            )
        try:
            for name in _WITH_STATE:
                getattr(self, name).load_state_dict(progress[name])
            self.step = progress['step']
        except (RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(path, 'its network is not that of this run') from error
