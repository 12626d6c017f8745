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

"""python -m training lottery EXPERIMENT: train an ablation of pruning."""

from collections.abc import Sequence
from dataclasses import replace

from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser, seed_argument
from training.datasets.mixture import with_unpaired
from training.experiments.experiment import Experiment, load_experiment
from training.experiments.result import read_result
from training.experiments.run import run_experiment, selected_runs
from training.experiments.seed_runs import SeedRuns


def main(arguments: Sequence[str]) -> int:
    """Run the variants of an experiment, one after the other; finished ones are skipped."""
    options = make_parser().parse_args(arguments)
    experiment = load_experiment(options.experiment, tuple(options.set))
    if options.allow_unpaired:
        experiment = _with_unpaired(experiment)
    selected_runs(experiment, options.only)
    for seed in options.seeds or experiment.seeds:
        seed_runs = SeedRuns(experiment, seed, options.root, options.transfer_root, options.out)
        for paths in run_experiment(seed_runs, options.only):
            result = read_result(paths.result)
            print(f'{paths.folder}: {result["params"]} parameters, mIoU {result["miou"]}')
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'training/configs/camvid/lottery.yaml --root CAMVID --out runs/lottery'
    parser = CommandParser('lottery', main.__doc__, example)
    parser.add_argument('experiment', type=path_argument, help='YAML file')
    parser.add_argument('--root', type=path_argument, help='folder of the dataset')
    parser.add_argument('--transfer-root', type=path_argument, help='folder of the second dataset')
    parser.add_argument('--out', type=path_argument, required=True, help='folder of all runs')
    parser.add_argument('--only', nargs='+', default=[], metavar='VARIANT', help='only these')
    parser.add_argument('--seeds', nargs='+', type=seed_argument, help="default: the experiment's")
    parser.add_key_values('--set', 'such as dense.train.epochs=3')
    parser.add_allow_unpaired()
    return parser


def _with_unpaired(experiment: Experiment) -> Experiment:
    dense, transfer = experiment.dense, experiment.transfer
    if transfer is not None:
        train = replace(transfer.train, data=with_unpaired(transfer.train.data))
        transfer = replace(transfer, train=train)
    dense = replace(dense, data=with_unpaired(dense.data))
    return replace(experiment, dense=dense, transfer=transfer)
