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

"""Camera names and launch arguments are checked before they become topic names and remappings."""

from hypothesis import given
from hypothesis import strategies as st
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.serving.camera_names import (
    checked_camera_names,
    checked_params_file,
    image_remappings,
    RESERVED,
    split_cameras,
)

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


@pytest.mark.parametrize(
    ('text', 'names'),
    [('', ()), ('front', ('front',)), ('front,rear', ('front', 'rear')), (' a , b,', ('a', 'b'))],
)
def test_names_are_separated_by_commas(text, names):
    assert split_cameras(text) == names


@pytest.mark.parametrize('text', ['front;rear', 'a b', '/front', 'front,front', 'overlay'])
def test_invalid_camera_names_raise(text):
    with pytest.raises(InvalidValueError):
        split_cameras(text)


@pytest.mark.parametrize(
    ('cameras', 'topic', 'remappings'),
    [
        ('', 'image', [('image', 'image')]),
        ('', '/cam/image_raw', [('image', '/cam/image_raw')]),
        ('front,rear', 'image', [('front/image', 'front/image'), ('rear/image', 'rear/image')]),
        ('front', 'image_raw', [('front/image', 'front/image_raw')]),
        ('front', '/cam/raw', [('front/image', '/cam/raw')]),
        ('front,rear', '/a,b', [('front/image', '/a'), ('rear/image', 'b')]),
        ('front,rear', ' /a , b ', [('front/image', '/a'), ('rear/image', 'b')]),
    ],
)
def test_each_camera_gets_its_topic(cameras, topic, remappings):
    assert image_remappings(cameras, topic) == remappings


@pytest.mark.parametrize(
    ('cameras', 'topic', 'expected'),
    [
        ('', '/a,/b', 'one topic, or set cameras too'),
        ('front,rear', '/cam/raw', 'one topic for each of cameras'),
        ('front,rear', '/a,/b,/c', '2 topics, as cameras'),
    ],
)
def test_topics_that_do_not_match_the_cameras_raise(cameras, topic, expected):
    with pytest.raises(InvalidValueError) as caught:
        image_remappings(cameras, topic)
    assert f'image_topic is {topic!r}, expected {expected}' in str(caught.value)


def test_a_missing_parameter_file_raises(tmp_path, monkeypatch):
    """launch_ros would only warn, and the node would use its defaults."""
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'own.yaml').touch()
    assert checked_params_file('~/own.yaml') == str(tmp_path / 'own.yaml')
    for path in ('/nowhere.yaml', str(tmp_path), ''):
        with pytest.raises(FileMissingError, match=f'params_file not found: {path}; check'):
            checked_params_file(path)
