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

"""The most sensitive layers remain float, and no more of them than needed."""

from collections.abc import Collection

import pytest
from swiftnet_ros.errors import InvalidValueError
from training.quantization.calibrate import CalibrationError
from training.quantization.scorer import Score
from training.quantization.sensitivity import choose_float_layers, FloatLayers, sensitivity

# Points lost when each layer is quantized.
LOSSES = {'stem': 0.5, 'block': 0.125, 'lateral': 1.0, 'head': 0.25}
# Points lost even with every layer in float.
FLOOR = 0.0625


class FakeQuantizer:
    """A quantizer whose model is the list of its quantized layers."""

    layers = tuple(LOSSES)

    def model(self, method: str, kept: Collection[str] = ()) -> list[str]:
        assert method == 'max'
        return [name for name in self.layers if name not in kept]


class FakeScorer:
    """A scorer that adds up losses and counts its calls."""

    def __init__(self) -> None:
        self.before = Score(0.5, 1.0)
        self.calls = 0

    def score(self, quantized: list[str]) -> Score:
        self.calls += 1
        lost = FLOOR + sum(LOSSES[name] for name in quantized)
        return Score(0.5 - lost / 100, 0.9)


def choose(wanted: FloatLayers) -> list[str]:
    return choose_float_layers(FakeQuantizer(), FakeScorer(), 'max', wanted, None)[0]


def test_sensitivities_are_of_every_layer_most_sensitive_first():
    table = sensitivity(FakeQuantizer(), FakeScorer(), 'max')
    assert list(table) == ['lateral', 'stem', 'head', 'block']
    for name, loss in table.items():
        assert loss == pytest.approx(LOSSES[name] + FLOOR)


@pytest.mark.parametrize(
    'drop, expected',
    [
        (2.0, []),
        (1.0, ['lateral']),
        (0.5, ['lateral', 'stem']),
        (0.2, ['lateral', 'stem', 'head']),
        (0.1, ['lateral', 'stem', 'head', 'block']),
    ],
)
def test_max_drop_keeps_the_fewest_layers_in_float(drop, expected):
    assert choose(FloatLayers(max_drop=drop)) == expected


def test_sensitivity_is_not_measured_if_the_loss_is_small_enough():
    scorer = FakeScorer()
    choose_float_layers(FakeQuantizer(), scorer, 'max', FloatLayers(max_drop=2.0), None)
    assert scorer.calls == 1


def test_max_drop_adds_to_count_and_names():
    assert choose(FloatLayers(count=2)) == ['lateral', 'stem']
    assert choose(FloatLayers(names=('block',))) == ['block']
    assert choose(FloatLayers(names=('block',), max_drop=0.9)) == ['block', 'lateral']


def test_max_drop_that_cannot_be_reached_raises():
    with pytest.raises(CalibrationError, match='the loss is above 0.01 points; pass a larger'):
        choose(FloatLayers(max_drop=0.01))


def test_more_float_layers_than_the_network_has_raise():
    with pytest.raises(InvalidValueError, match='--keep-float is 5, expected 0 to 4 layers'):
        choose(FloatLayers(count=5))
