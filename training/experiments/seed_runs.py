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


"""The work on one seed of a family: which folder each run has, and how long it trains."""

from dataclasses import dataclass, replace
from pathlib import Path

from training.experiments.experiment import DENSE, Experiment
from training.experiments.variant import Variant
from training.run.folder import RunPaths
from training.schema.config import Config, DistillationConfig, ModelConfig


@dataclass(frozen=True)
class SeedRuns:
    """One seed; `root` and `transfer_root` are the data's folders, `out` holds all runs."""

    family: Experiment
    seed: int
    root: Path | None
    transfer_root: Path | None
    out: Path

    def paths(self, name: str) -> RunPaths:
        """Give the files of a run."""
        return RunPaths(self.out / f'{name}_seed{self.seed}')

    def dense_config(self) -> Config:
        """Give the dense run's configuration."""
        dense = self.family.dense
        return replace(dense, name=DENSE, train=replace(dense.train, seed=self.seed))

    def variant_config(self, name: str, arm: Variant, model: ModelConfig) -> Config:
        """Give an arm's configuration: the dense run's but for rate, widths and teacher."""
        config, rate = self.dense_config(), arm.rate()
        optimizer = config.optimizer
        if rate < 1:
            optimizer = replace(optimizer, warmup_epochs=0.0)
        if arm.is_random():
            # The smaller step is for an encoder that has learnt something.
            optimizer = replace(optimizer, encoder_factor=1.0)
        return replace(
            config,
            name=name,
            model=model,
            optimizer=replace(optimizer, lr=optimizer.lr * rate),
            train=replace(config.train, keep_steps=[]),
            distillation=self._distillation(arm) or config.distillation,
        )

    def _distillation(self, arm: Variant) -> DistillationConfig | None:
        """Give the arm's own teacher as a file; None where it has none."""
        asked = arm.distillation
        if asked.teacher == DENSE:
            return replace(asked, teacher=str(self.paths(DENSE).trained))
        return None if asked.teacher is None else asked

    def transfer_config(self, name: str, model: ModelConfig | None) -> Config:
        """Give the configuration of a run on the second data set."""
        assert self.family.transfer is not None
        config = self.family.transfer.train
        train = replace(config.train, seed=self.seed)
        return replace(config, name=name, model=model or config.model, train=train)
