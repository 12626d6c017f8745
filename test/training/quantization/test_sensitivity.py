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


"""Layers stay in float by their sensitivity, and no more of them than it takes."""

from collections.abc import Collection

import pytest
from swiftnet_ros.errors import InvalidValueError
from training.quantization.calibrate import CalibrationError
from training.quantization.scorer import Score
from training.quantization.sensitivity import choose_float_layers, FloatLayers, sensitivity

# Points that each layer loses when it is quantized.
LOSSES = {'stem': 0.5, 'block': 0.125, 'lateral': 1.0, 'head': 0.25}
# What even the float network loses to the one that it is compared with.
FLOOR = 0.0625


class Network:
    """A quantizer whose model is the list of its quantized layers."""

    layers = tuple(LOSSES)

    def model(self, method: str, kept: Collection[str] = ()) -> list[str]:
        """Give the layers that are quantized."""
        assert method == 'max'
        return [name for name in self.layers if name not in kept]


class Measure:
    """A scorer that adds up losses, and counts how often it is asked."""

    def __init__(self) -> None:
        self.before = Score(0.5, 1.0)
        self.calls = 0

    def score(self, quantized: list[str]) -> Score:
        """Lose what the quantized layers lose, in points."""
        self.calls += 1
        lost = FLOOR + sum(LOSSES[name] for name in quantized)
        return Score(0.5 - lost / 100, 0.9)


def choose(wanted: FloatLayers) -> list[str]:
    """Choose layers; give their names."""
    return choose_float_layers(Network(), Measure(), 'max', wanted, None)[0]


def test_the_table_has_every_layer_alone_the_worst_first():
    table = sensitivity(Network(), Measure(), 'max')
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
def test_max_drop_keeps_the_fewest_most_sensitive_layers_that_reach_it(drop, expected):
    assert choose(FloatLayers(max_drop=drop)) == expected


def test_nothing_is_measured_alone_where_nothing_is_lost():
    measure = Measure()
    choose_float_layers(Network(), measure, 'max', FloatLayers(max_drop=2.0), None)
    assert measure.calls == 1


def test_count_and_names_come_first_and_max_drop_adds_to_them():
    assert choose(FloatLayers(count=2)) == ['lateral', 'stem']
    assert choose(FloatLayers(names=('block',))) == ['block']
    assert choose(FloatLayers(names=('block',), max_drop=0.9)) == ['block', 'lateral']


def test_a_drop_that_cannot_be_reached_is_said():
    with pytest.raises(CalibrationError, match='loses more than 0.01 points; give a larger'):
        choose(FloatLayers(max_drop=0.01))


def test_more_layers_than_there_are_cannot_stay_in_float():
    with pytest.raises(InvalidValueError, match='--keep-float is 5, expected 0 to 4 layers'):
        choose(FloatLayers(count=5))
