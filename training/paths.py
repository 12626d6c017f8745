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
    def start(self) -> Path:
        """Name the file of the weights that an arm of a family began with."""
        return self.folder / 'start.pt'

    @property
    def arm(self) -> Path:
        """Name the file of what an arm was asked to do, JSON."""
        return self.folder / 'arm.json'

    @property
    def history(self) -> Path:
        """Name the file of the channels that were removed since the dense run, JSON."""
        return self.folder / 'history.json'

    @property
    def masks(self) -> Path:
        """Name the file of the masks of single weights, JSON."""
        return self.folder / 'masks.json'

    @property
    def result(self) -> Path:
        """Name the file of what a finished run measured, JSON."""
        return self.folder / 'result.json'

    @property
    def latency(self) -> Path:
        """Name the file of the times that `python -m training bench` measured, JSON."""
        return self.folder / 'latency.json'

    @property
    def quantized(self) -> Path:
        """Name the file of what `python -m training quantize --json` printed, JSON."""
        return self.folder / 'quantize.json'

    def pruning_round(self, number: int) -> 'RunPaths':
        """Give the files of an earlier round of pruning and training, from 1."""
        return RunPaths(self.folder / f'round_{number}')

    @property
    def class_counts(self) -> Path:
        """Name the file of the classes' pixels in the training labels and their weights, JSON."""
        return self.folder / 'class_counts.json'

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
