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
"""Views that favour rare classes: which class and which picture a place of an epoch shows."""

import numpy as np
from training.class_counts import ClassCounts
from training.config import SamplingConfig


class RareClassViews:
    """
    Rare class sampling (DAFormer, Hoyer et al., CVPR 2022), for a share of the views.

    A class c of share f_c is drawn with a probability of exp((1 - f_c) / temperature) over the
    sum of all, then one of the pictures that show it; the crop holds a pixel of that class.
    """

    def __init__(self, config: SamplingConfig, counts: ClassCounts) -> None:
        self.share = config.share
        self.pictures = [np.flatnonzero(shown) for shown in (counts.pixels > 0).T]
        odds = np.exp(-counts.shares() / config.temperature)
        odds[[not len(pictures) for pictures in self.pictures]] = 0
        self.odds = odds / max(odds.sum(), 1e-300)

    def draw(self, seed: int) -> tuple[int, int] | None:
        """Give (picture, class) for a place's own seed; None where its view is an ordinary one."""
        random = np.random.default_rng(seed)
        if random.random() >= self.share or not self.odds.any():
            return None
        chosen = int(random.choice(len(self.odds), p=self.odds))
        return int(random.choice(self.pictures[chosen])), chosen
