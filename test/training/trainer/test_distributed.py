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

"""Two processes on the CPU, of two machines, train like one process with twice the batch."""

from collections.abc import Mapping
import math
import os
import shutil
import socket
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.synced_norms import backpropagate_half, backpropagated, features, fresh_norm
from helpers.tiny_training import (
    CLASSES,
    step_losses,
    stopped_after,
    tiny_config,
    write_config,
)
import pytest
import torch
from torch import nn
from torch.multiprocessing.spawn import spawn
from training.models import build_model
from training.run.checkpoint import load_checkpoint
from training.run.folder import RunPaths
from training.trainer.distributed import SyncedBatchNorm2d, synchronize_norms
from training.trainer.train import train

SECTIONS = {
    'train': {'epochs': 3, 'evaluate_every': 0, 'checkpoint_every': 1},
    'optimizer': {'lr': 0.001},
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def run_agents(*words: tuple[str, ...], static: bool = False) -> list[tuple[int, str, str]]:
    """
    Run torchrun with one process on each of several machines, which are all this one.

    `words` are the command of each. Returns exit code, stdout and stderr of each.
    """
    port = str(free_port())
    shared = ['--nnodes', str(len(words)), '--nproc-per-node', '1']
    where = ['--rdzv-backend', 'c10d', '--rdzv-endpoint', f'127.0.0.1:{port}', '--rdzv-id', 'a']
    if static:
        where = ['--master-addr', '127.0.0.1', '--master-port', port]
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    agents = [
        subprocess.Popen(
            [sys.executable, '-m', 'torch.distributed.run', *shared, *where,
             *(['--node-rank', str(number)] if static else []), *command],
            cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number, command in enumerate(words)
    ]  # fmt: skip
    try:
        outputs = [agent.communicate(timeout=240) for agent in agents]
    finally:
        for agent in agents:
            agent.terminate()
    return [(agent.returncode, *output) for agent, output in zip(agents, outputs, strict=True)]


@pytest.fixture(scope='module')
def alone(folder_root, tmp_path_factory):
    """Return the folder of a run of one process."""
    folder = tmp_path_factory.mktemp('alone')
    train(tiny_config(**SECTIONS), folder_root, folder / 'run')
    return folder / 'run'


def words(folder, root, out) -> tuple[str, ...]:
    path = write_config(folder / 'tiny.yaml', **SECTIONS)
    return ('-m', 'training', 'train', str(path), '--root', str(root), '--out', str(out))


@pytest.mark.timeout(400)
def test_two_machines_train_like_one_process_with_twice_the_batch(alone, folder_root, tmp_path):
    two = tmp_path / 'two'
    command = words(tmp_path, folder_root, two)
    done = run_agents(command, command)
    assert [code for code, *_ in done] == [0, 0], [errors for *_, errors in done]
    assert [output.split() for _, output, _ in done if output] == [[str(RunPaths(two).trained)]]
    assert step_losses(two) == pytest.approx(step_losses(alone), rel=1e-4)
    expected = load_checkpoint(RunPaths(alone).trained).weights
    received = load_checkpoint(RunPaths(two).trained).weights
    assert list(received) == list(expected)
    torch.manual_seed(0)
    start = build_model(tiny_config().model, len(CLASSES)).state_dict()
    assert weight_distance(received, expected) < 0.01 * weight_distance(expected, start)
    for name, value in expected.items():
        if 'running' in name:
            torch.testing.assert_close(received[name], value, rtol=0.01, atol=1e-4)


@pytest.mark.timeout(400)
def test_run_of_one_process_is_resumed_on_two_machines_without_shared_storage(
    alone, folder_root, tmp_path
):
    first, second, data = tmp_path / 'first', tmp_path / 'second', tmp_path / 'data'
    with stopped_after(4):
        train(tiny_config(**SECTIONS), folder_root, first)
    shutil.copytree(folder_root, data)
    commands = words(tmp_path, folder_root, first), words(tmp_path, data, second)
    done = run_agents(*commands, static=True)
    assert [code for code, *_ in done] == [0, 0], [errors for *_, errors in done]
    assert step_losses(first) == pytest.approx(step_losses(alone), rel=1e-4)
    # Only the first machine has the run.
    assert not second.exists()


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
