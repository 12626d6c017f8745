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

"""The names of cameras, checked before they become parts of topic names."""

from pathlib import Path
import re
from typing import Iterable, List, Tuple

from swiftnet_ros.errors import FileMissingError, InvalidValueError

# ROS allows 255 characters for a whole topic name.
_LONGEST = 64
_TOKEN = re.compile(r'[A-Za-z][A-Za-z0-9_]*')
# What stands directly below the node's own name.
RESERVED = frozenset(
    [
        *('label_image', 'color', 'overlay', 'confidence', 'label_info', 'camera_info'),
        *('reload', 'transition_event', 'change_state', 'get_state'),
        *('get_available_states', 'get_available_transitions', 'get_transition_graph'),
        *('describe_parameters', 'get_parameter_types', 'get_parameters', 'list_parameters'),
        *('set_parameters', 'set_parameters_atomically', 'get_type_description'),
    ]
)


def checked_camera_names(given: Iterable[str]) -> Tuple[str, ...]:
    """
    Give the names of several cameras; () stands for the single camera without a name.

    Empty names are ignored. InvalidValueError for a name that is no plain ROS name (letters,
    digits and single underscores, a letter first), that occurs twice, or that the node uses.
    """
    names: List[str] = []
    for name in given:
        if not name:
            continue
        _check_name(name)
        if name in names:
            raise InvalidValueError('cameras', name, 'each name once')
        names.append(name)
    return tuple(names)


def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name) or '__' in name or len(name) > _LONGEST:
        expected = (
            'letters, digits and single underscores, a letter first, at most '
            f'{_LONGEST} characters, such as front_left'
        )
        raise InvalidValueError('name of a camera', name, expected)
    if name in RESERVED:
        raise InvalidValueError(
            'name of a camera', name, 'a name that the node does not use itself, such as front'
        )


def split_cameras(cameras: str) -> Tuple[str, ...]:
    """Read `front,rear`; () for an empty text. InvalidValueError for what is no name."""
    return checked_camera_names(name.strip() for name in cameras.split(','))


def image_remappings(cameras: str, image_topic: str) -> List[Tuple[str, str]]:
    """
    Give the remappings (name in the node, topic) of all cameras.

    A single camera gets `image_topic`. Of several, the camera NAME gets NAME/`image_topic`, or
    the one in its place where `image_topic` is a list such as `/front/raw,/rear/raw`.
    """
    names, topics = split_cameras(cameras), [part.strip() for part in image_topic.split(',')]
    if not names:
        _check_topic(len(topics) == 1, image_topic, 'one topic, or set cameras too')
        return [('image', topics[0])]
    if len(topics) == 1:
        relative = not topics[0].startswith(('/', '~'))
        _check_topic(relative or len(names) == 1, image_topic, 'one topic for each of cameras')
        topics = [f'{name}/{topics[0]}' if relative else topics[0] for name in names]
    _check_topic(len(topics) == len(names), image_topic, f'{len(names)} topics, as cameras')
    return [(f'{name}/image', topic) for name, topic in zip(names, topics)]


def checked_params_file(path: str) -> str:
    """Give the path of a parameter file; FileMissingError where launch_ros would only warn."""
    found = Path(path).expanduser()
    if not found.is_file():
        raise FileMissingError(path, 'params_file')
    return str(found)


def _check_topic(is_right: bool, image_topic: str, expected: str) -> None:
    if not is_right:
        raise InvalidValueError('image_topic', image_topic, expected)
