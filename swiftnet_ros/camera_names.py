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

import re
from typing import Iterable, List, Tuple

from swiftnet_ros.errors import InvalidValueError

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
        _check(name)
        if name in names:
            raise InvalidValueError('cameras', name, 'each name once')
        names.append(name)
    return tuple(names)


def _check(name: str) -> None:
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
