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

"""Two processes on the CPU train like one process with twice the batch."""

from collections.abc import Mapping
import math
import os
import socket
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.synced_norms import backpropagate_half, backpropagated, features, fresh_norm
from helpers.tiny_training import CLASSES, tiny_config, write_config
import pytest
import torch
from torch import nn
from torch.multiprocessing.spawn import spawn
from training.models import build_model
from training.run.checkpoint import load_checkpoint
from training.run.folder import read_records, RunPaths
from training.trainer.distributed import SyncedBatchNorm2d, synchronize_norms
from training.trainer.train import train

SECTIONS = {'train': {'epochs': 3, 'evaluate_every': 0}, 'optimizer': {'lr': 0.001}}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def run_torchrun(*words: str) -> subprocess.CompletedProcess:
    torchrun = ['torch.distributed.run', '--nproc_per_node', '2', '--master_addr', '127.0.0.1']
    return subprocess.run(
        [sys.executable, '-m', *torchrun, '--master_port', str(free_port()), *words],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.timeout(400)
def test_two_processes_train_like_one_with_twice_the_batch(folder_root, tmp_path):
    train(tiny_config(**SECTIONS), folder_root, tmp_path / 'one')
    path, two = write_config(tmp_path / 'tiny.yaml', **SECTIONS), tmp_path / 'two'
    words = ['-m', 'training', 'train', str(path), '--root', str(folder_root), '--out', str(two)]
    done = run_torchrun(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(RunPaths(two).trained)]
    alone, together = (
        [record['loss'] for record in read_records(RunPaths(tmp_path / name).losses)]
        for name in ('one', 'two')
    )
    assert len(together) == 6
    assert together == pytest.approx(alone, rel=1e-4)
    expected = load_checkpoint(RunPaths(tmp_path / 'one').trained).weights
    received = load_checkpoint(RunPaths(two).trained).weights
    assert list(received) == list(expected)
    torch.manual_seed(0)
    start = build_model(tiny_config().model, len(CLASSES)).state_dict()
    assert weight_distance(received, expected) < 0.01 * weight_distance(expected, start)
    for name, value in expected.items():
        if 'running' in name:
            torch.testing.assert_close(received[name], value, rtol=0.01, atol=1e-4)


def weight_distance(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> float:
    """Return the L2 distance between two networks' weights."""
    names = [name for name, _ in build_model(tiny_config().model, len(CLASSES)).named_parameters()]
    return math.sqrt(sum(float((a[name] - b[name]).square().sum()) for name in names))


@pytest.mark.timeout(200)
def test_synchronized_norms_equal_one_norm_over_both_batches():
    with torch.multiprocessing.Manager() as manager:
        results = manager.dict()
        spawn(backpropagate_half, (free_port(), results), nprocs=2)
        halves = [results[0], results[1]]
    whole = backpropagated(fresh_norm(), features())
    for name in ('output', 'input_gradient'):
        together = torch.cat([half[name] for half in halves])
        torch.testing.assert_close(together, whole[name], rtol=1e-4, atol=1e-4)
    for name in ('weight', 'bias'):
        torch.testing.assert_close(
            halves[0][name] + halves[1][name], whole[name], rtol=1e-4, atol=0
        )
    for name in ('running_mean', 'running_var', 'num_batches_tracked'):
        for half in halves:
            torch.testing.assert_close(half[name], whole[name])


def test_synchronized_norm_evaluates_like_any_other():
    norm, synced = fresh_norm().eval(), fresh_norm().eval()
    synchronize_norms(nn.Sequential(synced), 2)
    assert type(synced) is SyncedBatchNorm2d
    assert torch.equal(norm(features()), synced(features()))


def test_one_process_keeps_its_norms():
    network = nn.Sequential(fresh_norm())
    assert type(synchronize_norms(network, 1)[0]) is nn.BatchNorm2d
