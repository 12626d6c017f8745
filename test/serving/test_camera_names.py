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

"""Camera names are checked before they become part of topic names."""

from hypothesis import given
from hypothesis import strategies as st
import pytest
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.serving.camera_names import checked_camera_names, RESERVED

BAD = [
    *('front/left', '/front', '~', '~/x', '{node}', 'front left', 'front-left', 'fr.ont', '..'),
    *('1st', '_front', 'front__left', 'été', 'front\n', 'a' * 65, ' '),
]


@pytest.mark.parametrize('empty', [[], [''], ['', '']])
def test_no_name_is_the_single_camera(empty):
    assert checked_camera_names(empty) == ()


def test_names_keep_their_order_and_empty_ones_are_ignored():
    assert checked_camera_names(['rear', '', 'front_2', 'A1']) == ('rear', 'front_2', 'A1')


@pytest.mark.parametrize('name', BAD)
def test_an_invalid_name_raises_with_the_value(name):
    with pytest.raises(InvalidValueError) as caught:
        checked_camera_names(['front', name])
    assert repr(name) in str(caught.value) and 'a letter first' in str(caught.value)


@given(st.text(max_size=12))
def test_only_letters_digits_and_underscores_are_valid(text):
    try:
        passed = checked_camera_names([text])
    except InvalidValueError:
        return
    assert passed == ((text,) if text else ())
    assert not text or (text.replace('_', 'a').isalnum() and text.isascii())


def test_a_duplicate_name_raises():
    with pytest.raises(InvalidValueError, match="cameras is 'rear', expected each name once"):
        checked_camera_names(['rear', 'front', 'rear'])


@pytest.mark.parametrize('name', sorted(RESERVED))
def test_names_that_the_node_uses_raise(name):
    with pytest.raises(InvalidValueError, match='that the node does not use itself'):
        checked_camera_names([name])
