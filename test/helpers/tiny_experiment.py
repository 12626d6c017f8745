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

"""A small experiment on the small dataset: every kind of variant, a few steps each."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from helpers.tiny_training import TREE
from training.experiments.experiment import Experiment, experiment_from_tree
from training.experiments.seed_runs import SeedRuns

DENSE = {key: section for key, section in TREE.items() if key != 'name'} | {
    'model': {'widths': [16, 16, 16, 24, 32], 'levels': 2, 'features': 16},
    'train': {'epochs': 2, 'batch_size': 4, 'ema_decay': 0.5, 'evaluate_every': 0},
}
PRUNING = {
    'all': {'ratios': 'all', 'multiple': 4, 'floor': 4},
    'first2': {'ratios': 'first2', 'multiple': 4, 'floor': 4},
}
EXPERIMENT: dict[str, Any] = {
    'name': 'tiny',
    'dense': DENSE,
    'calibration_batches': 1,
    'pruning': PRUNING,
    'masks': {'half': {'ratio': 0.5, 'scope': 'global'}},
    'variants': {
        'ft': {'weights': 'ft', 'pruning': 'all'},
        'ft_lrr': {'weights': 'ft_lrr', 'pruning': 'first2'},
        'lth': {'weights': 'lth', 'pruning': 'all'},
        'lth_k': {'weights': 'lth', 'pruning': 'all', 'rewind_to': 2},
        'context_lth': {'weights': 'lth', 'pruning': 'all', 'criterion': 'context'},
        'ri': {'weights': 'ri', 'pruning': 'all'},
        'narrow': {'weights': 'narrow', 'widths': [8, 8, 8, 12, 16], 'features': 12},
        'iterative': {'weights': 'ft', 'pruning': 'all', 'rounds': 2},
        'iterative_lth': {'weights': 'lth', 'pruning': 'all', 'rounds': 2, 'rewind_to': 2},
        'masks': {'weights': 'lth', 'masks': 'half', 'rounds': 2},
        'masks_ri': {'weights': 'ri', 'masks': 'half'},
    },
}


def tiny_experiment(**sections: Any) -> Experiment:
    """Return the experiment; `variants={...}` replaces its section of that name."""
    return experiment_from_tree({**deepcopy(EXPERIMENT), **sections})


def tiny_seed_runs(root: Path, out: Path, seed: int = 0, **sections: Any) -> SeedRuns:
    """Return the runs of one seed; the second dataset is in the folder `root`_other."""
    return SeedRuns(
        tiny_experiment(**sections), seed, root, root.with_name(f'{root.name}_other'), out
    )
