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

"""Frames of a ROS 2 bag (MCAP or SQLite), read by the package rosbags, without ROS."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from swiftnet_ros.core import compressed_messages, image_messages
from swiftnet_ros.core.frame_sources import FrameSource, NamedFrame
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_listing import Warn
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidFrameError,
    InvalidValueError,
    listing,
    UnknownNameError,
    UnreadableFileError,
    UnsupportedEncodingError,
)
from swiftnet_ros.image_formats.decode import DEFAULT_MAX_PIXELS
from swiftnet_ros.system.library_errors import library_errors
from training.datasets.base import MissingPackageError

_METADATA = 'metadata.yaml'
_STORAGES = ('.mcap', '.db3')
# Message type -> what makes a frame of it, as in the node.
_DECODERS: dict[str, Callable[[Any], Frame]] = {
    'sensor_msgs/msg/Image': image_messages.to_frame,
    'sensor_msgs/msg/CompressedImage': partial(
        compressed_messages.to_frame, max_pixels=DEFAULT_MAX_PIXELS
    ),
}


def is_bag(path: Path) -> bool:
    """Return whether a path is the folder of a bag or one of its files."""
    if path.is_dir():
        return (path / _METADATA).is_file() or any(map(_is_storage, path.iterdir()))
    return _is_storage(path)


def open_bag(path: Path, topic: str | None, warn: Warn, every: int = 1) -> FrameSource:
    """
    Open the images of a topic, which is the only image topic if it is None.

    Of `every` so many messages the first is read. Images that cannot be read are reported to
    `warn` and skipped. Raise UnreadableFileError, InvalidValueError for several image topics, or
    UnknownNameError for a topic that is none of them.
    """
    if not path.exists():
        raise FileMissingError(path, 'bag')
    if path.is_dir() and not (path / _METADATA).is_file():
        reason = (
            f'{_METADATA} is missing; write it with `ros2 bag reindex`, or pass one of its files'
        )
        raise UnreadableFileError(path, 'bag', reason)
    with _errors_of(path), _reader(path) as reader:
        counts = {item.topic: item.msgcount for item in reader.connections if _is_image(item)}
        others = sorted({item.topic for item in reader.connections} - counts.keys())
    chosen = _chosen(path, topic, sorted(counts), others)
    total = -(-counts[chosen] // every)
    return FrameSource(path, lambda: _frames(path, chosen, warn, every), total)


def _chosen(path: Path, topic: str | None, topics: list[str], others: list[str]) -> str:
    if not topics:
        found = listing(others) or 'none'
        reason = f'no topic is sensor_msgs/Image or CompressedImage; its topics: {found}'
        raise UnreadableFileError(path, 'images of bag', reason)
    if topic is None:
        if len(topics) > 1:
            expected = f'one of the image topics of {path}: {listing(topics)}'
            raise InvalidValueError('--topic', None, expected)
        return topics[0]
    name = f'/{topic.lstrip("/")}'
    if name not in topics:
        raise UnknownNameError('image topic', topic, topics)
    return name


def _frames(path: Path, topic: str, warn: Warn, every: int) -> Iterator[NamedFrame]:
    """Yield the frames of a topic, named by their number and stamp."""
    from rosbags.typesys import get_typestore, Stores

    # The two types of images are the same in all distributions.
    store, remarks = get_typestore(Stores.ROS2_HUMBLE), set()
    with _errors_of(path), _reader(path) as reader:
        wanted = [item for item in reader.connections if item.topic == topic and _is_image(item)]
        for number, (connection, _, data) in enumerate(reader.messages(wanted)):
            if number % every:
                continue
            message: Any = store.deserialize_cdr(data, connection.msgtype)
            stamp = message.header.stamp
            name = f'{number:06d}_{stamp.sec}_{stamp.nanosec:09d}'
            remark = _remark(message)
            if remark and remark not in remarks:
                remarks.add(remark)
                warn(remark)
            try:
                yield NamedFrame(name, _DECODERS[connection.msgtype](message))
            # All images of the topic have it.
            except UnsupportedEncodingError:
                raise
            except InvalidFrameError as error:
                warn(f'image {number} of {topic}: {error}; skipped')


def _remark(message: Any) -> str:
    return compressed_messages.color_remark(message) if hasattr(message, 'format') else ''


def _reader(path: Path) -> Any:
    try:
        from rosbags.rosbag2 import Reader
    except ImportError as error:
        raise MissingPackageError('rosbags', 'reading a bag', 'bags') from error
    return Reader(path)


def _errors_of(path: Path) -> Any:
    return library_errors(partial(UnreadableFileError, path, 'bag'))


def _is_storage(path: Path) -> bool:
    return path.suffix in _STORAGES


def _is_image(connection: Any) -> bool:
    return connection.msgtype in _DECODERS
