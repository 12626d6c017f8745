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

"""Every file name of a run folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """The files of one training run, all below `folder`."""

    folder: Path

    @property
    def config(self) -> Path:
        """Name the file of the whole configuration as it was used, YAML."""
        return self.folder / 'config.yaml'

    @property
    def last(self) -> Path:
        """Name the file of the newest resumable state."""
        return self.folder / 'last.pt'

    @property
    def trained(self) -> Path:
        """Name the file of the finished network: the last EMA of the schedule."""
        return self.folder / 'trained.pt'

    def kept(self, step: int) -> Path:
        """Name the file of the weights as they were after so many iterations, not averaged."""
        return self.folder / f'step_{step:06d}.pt'

    @property
    def losses(self) -> Path:
        """One JSON line for every step."""
        return self.folder / 'losses.jsonl'

    @property
    def metrics(self) -> Path:
        """One JSON line for every evaluation, with the IoU of each class."""
        return self.folder / 'metrics.jsonl'

    @property
    def tensorboard(self) -> Path:
        """Name the folder that TensorBoard reads."""
        return self.folder / 'tensorboard'
