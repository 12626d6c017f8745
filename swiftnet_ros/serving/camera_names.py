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

"""Camera names, checked before they become part of topic names, and the launch arguments."""

from pathlib import Path
import re
from typing import Iterable, List, Tuple

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.system.paths import expand_path

# ROS allows 255 characters for a whole topic name.
_MAX_LENGTH = 64
_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')
# Topics and services directly below the node's own name.
RESERVED = frozenset(
    [
        *('label_image', 'color', 'overlay', 'confidence', 'label_info', 'camera_info'),
        *('reload', 'transition_event', 'change_state', 'get_state'),
        *('get_available_states', 'get_available_transitions', 'get_transition_graph'),
        *('describe_parameters', 'get_parameter_types', 'get_parameters', 'list_parameters'),
        *('set_parameters', 'set_parameters_atomically', 'get_type_description'),
    ]
)


def checked_camera_names(names: Iterable[str]) -> Tuple[str, ...]:
    """
    Return the names without empty ones; () is the single camera, which has no name.

    Raise InvalidValueError for a name that is not a plain ROS name (letters, digits and single
    underscores, a letter first), that occurs twice, or that the node uses itself.
    """
    checked: List[str] = []
    for name in filter(None, names):
        _check_name(name)
        if name in checked:
            raise InvalidValueError('cameras', name, 'each name once')
        checked.append(name)
    return tuple(checked)


def split_cameras(cameras: str) -> Tuple[str, ...]:
    """Return the names in `front,rear`, () for an empty text; checked as camera names."""
    return checked_camera_names(name.strip() for name in cameras.split(','))


def image_remappings(cameras: str, image_topic: str) -> List[Tuple[str, str]]:
    """
    Return the remappings (name in the node, topic) of all cameras.

    The single camera gets `image_topic`. With several, camera NAME gets NAME/`image_topic`, or
    the topic at its position if `image_topic` is a list such as `/front/raw,/rear/raw`.
    """
    names, topics = split_cameras(cameras), [topic.strip() for topic in image_topic.split(',')]
    if not names:
        _check_topic(len(topics) == 1, image_topic, 'one topic, or set cameras too')
        return [('image', topics[0])]
    if len(topics) == 1:
        is_relative = not topics[0].startswith(('/', '~'))
        _check_topic(is_relative or len(names) == 1, image_topic, 'one topic for each of cameras')
        topics = [f'{name}/{topics[0]}' if is_relative else topics[0] for name in names]
    _check_topic(len(topics) == len(names), image_topic, f'{len(names)} topics, as cameras')
    return [(f'{name}/image', topic) for name, topic in zip(names, topics)]


def checked_params_file(path: str) -> str:
    """Return the path of a parameter file; raise FileMissingError, as launch_ros only warns."""
    file = Path(expand_path(path))
    if not file.is_file():
        raise FileMissingError(path, 'params_file')
    return str(file)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or '__' in name or len(name) > _MAX_LENGTH:
        expected = (
            'letters, digits and single underscores, a letter first, at most '
            f'{_MAX_LENGTH} characters, such as front_left'
        )
        raise InvalidValueError('name of a camera', name, expected)
    if name in RESERVED:
        raise InvalidValueError(
            'name of a camera', name, 'a name that the node does not use itself, such as front'
        )


def _check_topic(is_valid: bool, image_topic: str, expected: str) -> None:
    if not is_valid:
        raise InvalidValueError('image_topic', image_topic, expected)
