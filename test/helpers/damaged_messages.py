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

"""Malformed camera messages as files of a fuzz test: their serialized bytes."""

from typing import List

from helpers.damage import FileKind
from helpers.malformed_messages import MALFORMED_COMPRESSED, MALFORMED_IMAGES
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from swiftnet_ros.core import compressed_messages
from swiftnet_ros.ros import image_msgs

MAX_PIXELS = 2**24


def message_kinds() -> List[FileKind]:
    """Return images and compressed images."""

    def make(kinds):
        return lambda random: serialize_message(random.choice(list(kinds.values()))(random))

    def read_image(path):
        return image_msgs.to_frame(deserialize_message(path.read_bytes(), Image))

    def read_compressed(path):
        message = deserialize_message(path.read_bytes(), CompressedImage)
        return compressed_messages.to_frame(message, MAX_PIXELS)

    return [
        FileKind('image', 'odd.image', make(MALFORMED_IMAGES), read_image, names_file=False),
        FileKind(
            'compressed image',
            'odd.compressed',
            make(MALFORMED_COMPRESSED),
            read_compressed,
            names_file=False,
        ),
    ]
