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

"""Masks over single weights: how many, which, nested, and stored as a file."""

import json

from helpers.small_networks import logits_of, small_network
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidTextError,
    InvalidValueError,
    UnknownNameError,
    UnreadableFileError,
)
import torch
from torch import nn
from training.pruning.masks import (
    apply_masks,
    load_masks,
    MaskMismatchError,
    MaskOptions,
    save_masks,
    SCOPES,
    unstructured_masks,
)
from training.pruning.options import EmptyLayerError


def convolutions(network: nn.Module) -> dict[str, torch.Tensor]:
    layers = dict(network.named_modules())
    return {f'{n}.weight': v.weight for n, v in layers.items() if isinstance(v, nn.Conv2d)}


@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('ratio', [0.0, 0.3, 0.8])
def test_smallest_weights_are_masked(scope, ratio):
    network = small_network()
    weights = convolutions(network)
    masks = unstructured_masks(network, MaskOptions(ratio, scope))
    assert {name: mask.shape for name, mask in masks.items()} == {
        name: weight.shape for name, weight in weights.items()
    }
    pairs = [(weights[name].detach().abs(), mask) for name, mask in masks.items()]
    if scope == 'global':
        pairs = [tuple(torch.cat([t.flatten() for t in tensors]) for tensors in zip(*pairs))]
    for magnitudes, mask in pairs:
        assert int((~mask).sum()) == round(ratio * mask.numel())
        if not mask.all():
            assert magnitudes[~mask].max() <= magnitudes[mask].min()


def test_global_scope_masks_layers_differently():
    network = small_network()
    fractions = [
        {round(float(mask.float().mean()), 2) for mask in masks.values()}
        for masks in (unstructured_masks(network, MaskOptions(0.5, scope)) for scope in SCOPES)
    ]
    assert len(fractions[0]) > 5
    assert max(fractions[1]) - min(fractions[1]) <= 0.02


@pytest.mark.parametrize('scope', SCOPES)
def test_masks_of_rising_ratios_are_nested(scope):
    network = small_network()
    last = unstructured_masks(network, MaskOptions(0.0, scope))
    for ratio in (0.2, 0.5, 0.7):
        masks = unstructured_masks(network, MaskOptions(ratio, scope))
        assert all(bool((masks[name] <= last[name]).all()) for name in masks)
        apply_masks(network, masks)
        last = masks


def test_masked_network_keeps_its_shape():
    network = small_network()
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    before = logits_of(network)
    masks = unstructured_masks(network, MaskOptions(0.5))
    apply_masks(network, masks)
    assert {name: value.shape for name, value in network.state_dict().items()} == shapes
    for name, weight in convolutions(network).items():
        assert torch.equal(weight != 0, masks[name])
    assert not torch.equal(logits_of(network), before)


def test_masks_survive_writing_and_reading(tmp_path):
    masks = unstructured_masks(small_network(encoder='mobilenet_v2'), MaskOptions(0.6))
    path = tmp_path / 'masks.json'
    save_masks(masks, path)
    again = load_masks(path)
    assert list(again) == list(masks)
    assert all(torch.equal(again[name], masks[name]) for name in masks)
    total = sum(mask.numel() for mask in masks.values())
    assert path.stat().st_size < total / 3
    assert sum(entry['kept'] for entry in json.loads(path.read_text()).values()) == sum(
        int(mask.sum()) for mask in masks.values()
    )


def damaged(tree: dict) -> dict:
    return {'a': {**tree['a'], 'kept': 2}}


@pytest.mark.parametrize(
    'change',
    [
        lambda tree: [],
        lambda tree: {'a': {}},
        lambda tree: {'a': {**tree['a'], 'shape': [10**6, 10**6]}},
        lambda tree: {'a': {**tree['a'], 'shape': [-1]}},
        damaged,
        lambda tree: {'a': {**tree['a'], 'bits': '?'}},
    ],
)
def test_invalid_file_of_masks_raises(change, tmp_path):
    path = tmp_path / 'masks.json'
    save_masks({'a': torch.tensor([[True, False, True, True]])}, path)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    errors = (UnreadableFileError, InvalidTextError)
    with pytest.raises(errors, match=r'cannot read file of masks .*masks\.json'):
        load_masks(path)
    with pytest.raises(FileMissingError, match='file of masks not found'):
        load_masks(tmp_path / 'none.json')


@pytest.mark.parametrize(
    ('other', 'text'),
    [
        ({'widths': [8, 12, 16, 20, 32]}, 'is 32x20x3x3, its mask 24x20x3x3'),
        ({'encoder': 'mobilenet_v2'}, 'is missing'),
    ],
)
def test_masks_of_another_network_raise_in_one_line(other, text):
    masks = unstructured_masks(small_network(), MaskOptions())
    with pytest.raises(MaskMismatchError, match=text) as caught:
        apply_masks(small_network(**other), masks)
    assert '\n' not in str(caught.value)


def test_ratio_that_empties_a_layer_raises():
    network = small_network()
    network.laterals[1].weight.data *= 1e-6
    with pytest.raises(EmptyLayerError, match=r'would remove all 192 weights of laterals\.1'):
        unstructured_masks(network, MaskOptions(0.5))


@pytest.mark.parametrize('ratio', [1.0, -0.1])
def test_impossible_options_raise(ratio):
    with pytest.raises(InvalidValueError, match='ratio is'):
        MaskOptions(ratio)
    with pytest.raises(UnknownNameError, match="did you mean 'layer'"):
        MaskOptions(0.5, 'layers')
