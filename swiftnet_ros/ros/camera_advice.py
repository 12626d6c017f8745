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

"""What to do about a topic on which nothing arrives, and about frames that are too old."""

from typing import Dict, List

from rclpy.node import Node
from swiftnet_ros.errors import listing
from swiftnet_ros.text import safe_text

_RAW, _COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
_SETTING = {_RAW: 'raw', _COMPRESSED: 'compressed'}
# An older frame is not late: its stamp is of another clock. It is the largest max_age.
_HOUR = 3600.0


def silence(node: Node, topic: str, image: str, expected: str) -> str:
    """
    Return the publishers of a topic without messages and what to do, as the end of a sentence.

    `image` is the topic without the ending of its transport, `expected` the type of message.
    """
    found = [item.topic_type for item in node.get_publishers_info_by_topic(topic)]
    start = f'it has {len(found)} publishers'
    if expected in found:
        return f'{start}; check the camera, and the network between two computers'
    if found:
        types = safe_text(listing(sorted(set(found))))
        how = 'set image_transport, or remap image to the raw topic'
        return f'{start} of {types}, not of {expected}: {how}'
    others = _transports(node, image)
    if expected in others.get(image, ()):
        wanted = image.rpartition('/')[0]
        return f'{start}, but {image} has: remap image to {wanted}, the ending is added to it'
    for name, types_of_it in others.items():
        for kind, setting in _SETTING.items():
            if kind in types_of_it and kind != expected and name in (image, f'{image}/compressed'):
                return f'{start}, but {name} has: set image_transport to {setting}'
    if others:
        names = safe_text(listing(others))
        return f'{start}, but {names} has, which this node cannot decode: publish raw images too'
    return f'{start}: start the camera, or remap the topic'


def too_old(stamp_ns: int, age: float, max_age: float) -> str:
    """Return what to do about frames that are `age` seconds old, above the limit `max_age`."""
    if stamp_ns == 0:
        fault = 'its stamp is 0, which max_age takes for its age'
        return f'{fault}: let the camera set header.stamp, or set max_age to 0.0'
    fault = f'it is {age:.1f} s old by the clock of this node, max_age is {max_age:g}'
    if age > _HOUR:
        return f'{fault}: synchronize the clocks; for a simulator or a bag set use_sim_time'
    return f'{fault}: synchronize the clocks of both computers, or raise max_age'


def no_calibration(node: Node, output: str, topic: str) -> str:
    """Return why an output has no calibration although its topic is subscribed to."""
    count = node.count_publishers(topic)
    has = 'which has no publisher' if not count else f'whose {count} publishers send nothing'
    return f'{output} waits for {topic}, {has}; remap camera_info to the topic of the calibration'


def _transports(node: Node, image: str) -> Dict[str, List[str]]:
    """Return the topics of images next to a topic, one for each transport, with their types."""
    return {
        name: types
        for name, types in node.get_topic_names_and_types()
        if (name == image or name.startswith(f'{image}/')) and node.count_publishers(name)
    }
