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

"""Bags of images, written by the package rosbags."""

from pathlib import Path
from typing import Any, Iterable, Tuple

import cv2
import numpy as np
import pytest

NO_ROSBAGS = 'rosbags is not installed'
PERIOD = 100_000_000


def write_bag(
    path: Path,
    images: Iterable[Tuple[str, Any]],
    start: int,
    storage: str = 'sqlite3',
    compression: str = 'none',
) -> Path:
    """
    Write a bag of (topic, image) at 10 Hz from `start` on, in nanoseconds.

    An image is RGB uint8 [H, W, 3], distances uint16 [H, W], or bytes of a JPEG or PNG.
    `compression`, by zstd, is none, file or message.
    """
    rosbag2 = pytest.importorskip('rosbags.rosbag2', reason=NO_ROSBAGS)
    typesys = pytest.importorskip('rosbags.typesys', reason=NO_ROSBAGS)
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    time, header = store.types['builtin_interfaces/msg/Time'], store.types['std_msgs/msg/Header']
    connections = {}
    plugin = rosbag2.StoragePlugin[storage.upper()]
    bag = rosbag2.Writer(path, version=9, storage_plugin=plugin)
    bag.set_compression(
        rosbag2.CompressionMode[compression.upper()], rosbag2.CompressionFormat.ZSTD
    )
    with bag as writer:
        for number, (topic, image) in enumerate(images):
            at = start + number * PERIOD
            stamp = header(stamp=time(*divmod(at, 10**9)), frame_id='recorded')
            kind, fields = _fields(image)
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            message = store.types[kind](header=stamp, **fields)
            data = store.serialize_cdr(message, kind)
            writer.write(connections[topic], at, data)
    return path


def jpeg(pixels: np.ndarray) -> bytes:
    """Return RGB pixels as a JPEG."""
    return bytes(cv2.imencode('.jpg', pixels[..., ::-1])[1])


def _fields(image: Any) -> Tuple[str, dict]:
    if isinstance(image, bytes):
        data = np.frombuffer(image, np.uint8)
        return 'sensor_msgs/msg/CompressedImage', {'format': 'jpeg', 'data': data}
    height, width = image.shape[:2]
    return 'sensor_msgs/msg/Image', {
        'height': height,
        'width': width,
        'encoding': 'rgb8' if image.ndim == 3 else '16UC1',
        'is_bigendian': 0,
        'step': image[0].nbytes,
        'data': np.ascontiguousarray(image).view(np.uint8).reshape(-1),
    }
