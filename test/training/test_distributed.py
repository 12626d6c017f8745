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


"""Two processes on the CPU train as one does at twice the batch."""

import os
from pathlib import Path
import socket
import subprocess
import sys

import pytest
from tiny_training import tiny_config, write_config
import torch
from torch import nn
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn
from training.checkpoint import load_checkpoint
from training.distributed import synchronize_norms, SyncedBatchNorm2d
from training.paths import RunPaths
from training.records import read_records
from training.train import train

ROOT = Path(__file__).parents[2]
SECTIONS = {'train': {'epochs': 3, 'evaluate_every': 0}, 'optimizer': {'lr': 0.001}}


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def run_torchrun(*words: str) -> subprocess.CompletedProcess:
    """Run `python -m training` in two processes."""
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
def test_two_processes_train_as_one_at_twice_the_batch(folder_root, tmp_path):
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
    for name, value in expected.items():
        gap = torch.linalg.vector_norm((received[name] - value).float())
        assert gap <= 1e-2 * torch.linalg.vector_norm(value.float()) + 1e-4, name


def in_a_group(rank: int, port: int, work, results) -> None:
    """Join a group of two processes and put down what `work` gives."""
    torch.set_num_threads(1)
    address = f'tcp://127.0.0.1:{port}'
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    results[rank] = work(rank)
    dist.barrier()
    dist.destroy_process_group()


def features(kind: torch.dtype = torch.float64) -> torch.Tensor:
    """Give features [4, 3, 5, 6] whose mean and spread differ by channel and picture."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(4, 3, 5, 6, generator=generator, dtype=torch.float64)
    scale = torch.arange(1, 13, dtype=torch.float64).view(4, 3, 1, 1)
    return (drawn * scale + scale).to(kind)


def descended(norm: nn.Module, part: torch.Tensor) -> dict[str, torch.Tensor]:
    """Normalise twice, descend the second answer, and give all that came out."""
    norm.train()(part)
    part = part.clone().requires_grad_()
    answer = norm(part)
    (answer.pow(3).sum() / 4).backward()
    return {
        'answer': answer.detach(),
        'input': part.grad,
        'weight': norm.weight.grad,
        'bias': norm.bias.grad,
        **{name: buffer.clone() for name, buffer in norm.named_buffers()},
    }


def fresh_norm() -> nn.BatchNorm2d:
    """Make a norm whose weights are not 1 and 0."""
    norm = nn.BatchNorm2d(3)
    norm.weight.data = torch.tensor([0.5, 1.5, -2.0])
    norm.bias.data = torch.tensor([0.1, -0.3, 0.7])
    return norm


def half(rank: int) -> dict[str, torch.Tensor]:
    """Descend one process's half of the batch."""
    network = synchronize_norms(nn.Sequential(fresh_norm()), 2)
    assert type(network[0]) is SyncedBatchNorm2d
    return descended(network[0], features(torch.float32)[2 * rank :][:2])


@pytest.mark.timeout(200)
def test_synchronised_norms_equal_one_norm_over_both_batches():
    with torch.multiprocessing.Manager() as manager:
        results = manager.dict()
        spawn(in_a_group, (free_port(), half, results), nprocs=2)
        parts = [results[0], results[1]]
    whole = descended(fresh_norm(), features(torch.float32))
    for name in ('answer', 'input'):
        together = torch.cat([part[name] for part in parts])
        torch.testing.assert_close(together, whole[name], rtol=1e-4, atol=1e-4)
    for name in ('weight', 'bias'):
        torch.testing.assert_close(parts[0][name] + parts[1][name], whole[name], rtol=1e-4, atol=0)
    for name in ('running_mean', 'running_var', 'num_batches_tracked'):
        for part in parts:
            torch.testing.assert_close(part[name], whole[name])


def test_a_synchronised_norm_measures_as_any_other():
    norm, synced = fresh_norm().eval(), fresh_norm().eval()
    synchronize_norms(nn.Sequential(synced), 2)
    assert torch.equal(norm(features(torch.float32)), synced(features(torch.float32)))


def test_one_process_keeps_its_norms():
    network = nn.Sequential(fresh_norm())
    assert type(synchronize_norms(network, 1)[0]) is nn.BatchNorm2d
