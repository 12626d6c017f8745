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

"""Fixtures of the training tests: one thread, a fresh accelerator, a dataset, a run."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from accelerate.state import AcceleratorState
from helpers.tiny_experiment import tiny_seed_runs
from helpers.tiny_training import tiny_config, write_folder
import pytest
import torch
from training.evaluation import golden_frame
from training.experiments.run import run_experiment
from training.experiments.seed_runs import SeedRuns
from training.run.folder import RunPaths
from training.trainer.train import train


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute in one thread, so that sums are equal in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    """Reset accelerate, which keeps the first precision of a process."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(autouse=True, scope='session')
def few_golden_frames() -> Iterator[None]:
    """Choose golden frames from few, as rendering takes time."""
    with mock.patch.object(golden_frame, 'FRAMES', 6):
        yield


@pytest.fixture(scope='session')
def folder_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small dataset in the layout of `folder`."""
    return write_folder(tmp_path_factory.mktemp('data') / 'set')


@pytest.fixture(scope='session')
def finished_run(folder_root: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """Return the paths of a finished run of 20 epochs of 2 steps, evaluated every 10 epochs."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp('run') / 'finished'
    train(tiny_config(train={'epochs': 20, 'evaluate_every': 10}), folder_root, folder)
    AcceleratorState._reset_state(reset_partial_state=True)
    return RunPaths(folder)


@pytest.fixture(scope='session')
def finished_experiment(folder_root: Path, tmp_path_factory: pytest.TempPathFactory) -> SeedRuns:
    """Return the finished runs of a small experiment with all kinds of variants, 4 steps each."""
    torch.set_num_threads(1)
    runs = tiny_seed_runs(folder_root, tmp_path_factory.mktemp('experiment'))
    for _ in run_experiment(runs, ()):
        AcceleratorState._reset_state(reset_partial_state=True)
    return runs
