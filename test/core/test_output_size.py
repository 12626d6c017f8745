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

"""The size of the answer follows the camera, the network, or a fixed text."""

from hypothesis import given
from hypothesis import strategies as st
import pytest
from swiftnet_ros.core.frames import parse_output_size
from swiftnet_ros.errors import InvalidValueError

SIDES = st.integers(1, 16384)
FRAME, NETWORK = (720, 1280), (512, 1024)


def test_camera_and_network_are_sizes_of_their_own():
    assert parse_output_size('camera').of(FRAME, NETWORK) == FRAME
    assert parse_output_size('network').of(FRAME, NETWORK) == NETWORK


@given(SIDES, SIDES)
def test_a_fixed_size_is_written_width_first_and_given_height_first(width, height):
    assert parse_output_size(f'{width}x{height}').of(FRAME, NETWORK) == (height, width)


@pytest.mark.parametrize(
    'text',
    [
        *('', 'Camera', 'input', '640', '640x', 'x480', '640X480', '640 x 480', '-640x480'),
        *('0x480', '640x0', '16385x1', '1x16385', '999999x1', '640x480x3', '640x480\n', '٣x٣'),
    ],
)
def test_anything_else_is_refused_with_the_choices(text):
    with pytest.raises(InvalidValueError) as caught:
        parse_output_size(text)
    assert f'output_size is {text!r}, expected camera, network' in str(caught.value)
