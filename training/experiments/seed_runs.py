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

"""The runs of one seed of an experiment: their folders and training configurations."""

from dataclasses import dataclass, replace
from pathlib import Path

from training.experiments.experiment import DENSE, Experiment
from training.experiments.variant import Variant
from training.run.folder import RunPaths
from training.schema.config import Config, DistillationConfig, ModelConfig


@dataclass(frozen=True)
class SeedRuns:
    """One seed; `root` and `transfer_root` are the folders of the data, `out` holds all runs."""

    experiment: Experiment
    seed: int
    root: Path | None
    transfer_root: Path | None
    out: Path

    def paths(self, name: str) -> RunPaths:
        """Return the paths of a run."""
        return RunPaths(self.out / f'{name}_seed{self.seed}')

    def dense_config(self) -> Config:
        """Return the configuration of the dense run."""
        dense = self.experiment.dense
        return replace(dense, name=DENSE, train=replace(dense.train, seed=self.seed))

    def variant_config(self, name: str, model: ModelConfig) -> Config:
        """Return the dense configuration with learning rate, model and teacher of a variant."""
        config, variant = self.dense_config(), self.experiment.variants[name]
        optimizer, factor = config.optimizer, variant.lr_factor()
        if factor < 1:
            optimizer = replace(optimizer, warmup_epochs=0.0)
        train = replace(config.train, keep_steps=[])
        # A smaller learning rate and frozen stages are for a pretrained encoder.
        if variant.weights in ('ri', 'narrow'):
            optimizer = replace(optimizer, encoder_factor=1.0)
            train = replace(train, frozen_stages=0)
        return replace(
            config,
            name=name,
            model=model,
            optimizer=replace(optimizer, lr=optimizer.lr * factor),
            train=train,
            distillation=self._distillation(variant) or config.distillation,
        )

    def _distillation(self, variant: Variant) -> DistillationConfig | None:
        """Return the variant's own section with its teacher as a path, None without a teacher."""
        own = variant.distillation
        if own.teacher == DENSE:
            return replace(own, teacher=str(self.paths(DENSE).trained))
        return None if own.teacher is None else own

    def transfer_config(self, name: str, model: ModelConfig | None) -> Config:
        """Return the configuration of a run on the second dataset."""
        assert self.experiment.transfer is not None
        config = self.experiment.transfer.train
        train = replace(config.train, seed=self.seed)
        return replace(config, name=name, model=model or config.model, train=train)
