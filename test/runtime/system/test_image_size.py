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

"""Sizes are text with the width first and arrays with the height first."""

from argparse import ArgumentTypeError

from hypothesis import given
from hypothesis import strategies as st
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.image_size import format_size, network_size, parse_size

SIDES = st.integers(1, 16384)


@given(SIDES, SIDES)
def test_text_has_the_width_first_and_the_array_the_height(width, height):
    assert parse_size(f'{width}x{height}') == (height, width)
    assert format_size((height, width)) == f'{width}x{height}'


@pytest.mark.parametrize('text', [
    *('', 'camera', '640', '640x', 'x480', '640X480', '640 x 480', '-640x480', '0x480', '640x0'),
    *('16385x1', '1x16385', '999999x1', '640x480x3', '640x480\n', '\u0663x\u0663'),
])  # fmt: skip
def test_text_that_is_no_size_raises(text):
    with pytest.raises(
        InvalidValueError, match='^--size is .*, expected WIDTHxHEIGHT of 1 to 16384 '
    ):
        parse_size(text)


def test_a_command_prints_how_it_read_a_size(capsys):
    assert network_size('2048x1024') == (1024, 2048)
    assert capsys.readouterr() == ('', 'size 2048x1024: width 2048, height 1024\n')


@pytest.mark.parametrize('text', ['64', '96x60', '60x96', '0x8', 'axb', '64x96x3'])
def test_a_network_has_sides_in_multiples_of_8(text):
    with pytest.raises(ArgumentTypeError, match='is not WIDTHxHEIGHT in multiples of 8'):
        network_size(text)
