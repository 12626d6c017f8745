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

"""Label images to lossless compressed messages."""

from array import array
from typing import Any

from sensor_msgs.msg import CompressedImage
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.ros.image_msgs import label_encoding
from swiftnet_ros.system.image_encoding import encode_image


def from_labels(labels: Labels, header: Any) -> CompressedImage:
    """Compress class ids [H, W], uint8 or uint16, without loss: `mono8; png compressed`."""
    data = array('B')
    data.frombytes(encode_image(labels))
    encoding = label_encoding(labels)
    return CompressedImage(header=header, format=f'{encoding}; png compressed', data=data)
