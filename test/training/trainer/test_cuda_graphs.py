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

"""Networks as CUDA graphs: state is preserved and, on a GPU, results are equal."""

from helpers.tiny_training import step_losses, tiny_config
import pytest
from swiftnet_ros.errors import InvalidValueError
import torch
from training.datasets.loader import Batch
from training.models import build_model
from training.trainer.device import replay_as_cuda_graph
from training.trainer.train import train

IMAGES = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')


def tiny_network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(tiny_config().model, 3).train()


def test_running_statistics_are_restored_after_the_capture(monkeypatch):
    network = tiny_network()
    before = {name: value.clone() for name, value in network.named_buffers()}

    def warm_up(callables, sample_args):
        callables(*sample_args)
        assert any(not torch.equal(before[n], b) for n, b in callables.named_buffers())

    monkeypatch.setattr(torch.cuda, 'make_graphed_callables', warm_up)
    assert replay_as_cuda_graph(network, IMAGES) is network
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())


def test_network_that_cannot_be_captured_raises_in_one_line(monkeypatch):
    def fail(callables, sample_args):
        raise RuntimeError('operation not permitted\nand a long trace')

    monkeypatch.setattr(torch.cuda, 'make_graphed_callables', fail)
    with pytest.raises(InvalidValueError) as caught:
        replay_as_cuda_graph(tiny_network(), IMAGES)
    assert 'expected false here: operation not permitted' in str(caught.value)
    assert 'trace' not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_the_option_changes_nothing(folder_root, tmp_path):
    for graphs in (False, True):
        config = tiny_config(train={'cuda_graphs': graphs, 'evaluate_every': 0})
        train(config, folder_root, tmp_path / str(graphs))
    assert step_losses(tmp_path / 'False') == step_losses(tmp_path / 'True')


@needs_gpu
def test_replayed_network_has_the_same_logits_and_gradients():
    images = IMAGES.cuda().to(memory_format=torch.channels_last)
    eager, graph = tiny_network().cuda(), tiny_network().cuda()
    replay_as_cuda_graph(graph, torch.zeros_like(images))
    logits = [network(images) for network in (eager, graph)]
    assert torch.allclose(*logits, atol=1e-4)
    for result in logits:
        result.square().mean().backward()
    for one, other in zip(eager.parameters(), graph.parameters()):
        assert torch.allclose(one.grad, other.grad, atol=1e-4)


@needs_gpu
def test_batch_is_moved_to_pinned_memory():
    batch = Batch(IMAGES, IMAGES[:, 0].long(), IMAGES[:, 0].float())
    assert batch.images.is_pinned() and batch.labels.is_pinned()
