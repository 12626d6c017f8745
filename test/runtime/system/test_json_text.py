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

"""JSON that is written holds finite numbers only."""

import json
import math

import pytest
from swiftnet_ros.errors import NonFiniteValueError
from swiftnet_ros.system.json_text import to_json


def test_finite_values_are_those_of_the_json_module():
    value = {'b': [1, 2.5, None, True], 'a': {'text': 'ö'}}
    assert json.loads(to_json(value)) == value
    assert to_json(value, indent=1) == json.dumps(value, indent=1)
    assert to_json({'b': 1, 'a': 2}, sort_keys=True) == '{"a": 2, "b": 1}'


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_raises_with_its_keys(number):
    value = {'rounds': [{'fps': 3.0}, {'fps': number}]}
    with pytest.raises(NonFiniteValueError, match=f'^rounds.1.fps of a result is {number}, not a'):
        to_json(value)
