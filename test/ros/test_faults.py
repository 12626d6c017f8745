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

"""Ten thousand malformed messages between valid frames: only they are dropped."""

import gc
from random import Random
import re
from struct import pack_into
from time import monotonic, sleep

from helpers.malformed_messages import (
    good_compressed,
    good_image,
    malformed,
    MALFORMED_COMPRESSED,
    MALFORMED_IMAGES,
)
from helpers.ros_probe import blocks, HAS_NUMBERS, resident, rgb_message, stamped, wait_until
from helpers.running_node import RunningNode
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from swiftnet_ros.ros.camera import _WARNING_PERIOD
from swiftnet_ros.ros.image_msgs import to_labels

# For each of two transports.
COUNT, WARM_UP, BAD_PER_GOOD = 5000, 1000, 10
MOST_GROWTH = 3e6
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
STREAMS = {
    'raw': (Image, '', MALFORMED_IMAGES, good_image),
    'compressed': (CompressedImage, '/compressed', MALFORMED_COMPRESSED, good_compressed),
}


class Stream:
    """A camera of a running node on reliable topics, which waits for every frame."""

    def __init__(self, probe, running, transport):
        """Connect with a first valid frame."""
        kind, suffix, _, make_good = STREAMS[transport]
        self.stats = running.camera().stats
        self._results = probe.subscribe(f'/{transport}/segmentation/label_image')
        self.camera = probe.camera(f'/{transport}/image{suffix}', RELIABLE, kind)
        first, _ = make_good(Random(0))
        probe.send(self.camera, first, self._results)
        wait_until(lambda: self._settled() == self.stats.received - self.replaced)
        self.received = self.stats.received - self.replaced
        self.published = self.stats.published
        self._results.clear()

    def send(self, message, what):
        """Publish a message and wait until the node has segmented or dropped it."""
        before, end = self._settled(), monotonic() + 20
        self.camera.publish(message)
        while self._settled() == before:
            assert monotonic() < end, (
                f'the node neither segmented nor dropped a message with {what}'
            )
            sleep(0.0002)

    def label_image(self, message, number):
        """Publish a valid frame stamped `number` and return its label image."""
        message.header = stamped(number)
        self.send(message, f'the number {number}')
        wait_until(lambda: self._results, what=f'the result of frame {number}')
        result = self._results.pop()
        assert result.header == message.header and not self._results
        return result

    @property
    def replaced(self):
        """Return how many frames a newer one replaced; without numbers that is an estimate."""
        return self.stats.drops['newer'] if not HAS_NUMBERS else 0

    def _settled(self):
        return self.stats.published + sum(self.stats.drops.values()) - self.replaced


def faulty_node(tiny_path, transport):
    """Return a node that receives every message, in the order in which they were sent."""
    given = {'model': str(tiny_path), 'image_transport': transport, 'max_decoded_pixels': 100_000}
    qos = f'qos_overrides./{transport}/image{STREAMS[transport][1]}.subscription'
    given.update({f'{qos}.reliability': 'reliable', f'{qos}.depth': 10})
    return RunningNode(f'/{transport}', **given)


@pytest.mark.parametrize('transport', STREAMS)
def test_malformed_messages_are_dropped_and_harm_nothing_else(
    probe, tiny_path, segmenter, transport, capfd
):
    """Over DDS: every valid frame gets its labels, and neither memory nor log grows."""
    _, _, kinds, make_good = STREAMS[transport]
    random = Random(1)
    frames = [make_good(random) for _ in range(25)]
    good = [(message, segmenter.segment(image).labels) for message, image in frames]
    with faulty_node(tiny_path, transport) as running:
        assert running.do('configure', 'activate')
        stream, start = Stream(probe, running, transport), monotonic()
        stats = stream.stats
        for number, (kind, bad) in enumerate(malformed(kinds, COUNT)):
            stream.send(bad, kind)
            assert stats.drops['bad'] == number + 1, kind
            if number % BAD_PER_GOOD == 0:
                message, labels = good[number // BAD_PER_GOOD % len(good)]
                assert np.array_equal(to_labels(stream.label_image(message, number)), labels), (
                    number
                )
            if number == WARM_UP:
                gc.collect()
                before = resident()
        gc.collect()
        grown, seconds = resident() - before, monotonic() - start
        assert stats.published - stream.published == COUNT // BAD_PER_GOOD
        received = stats.received - stream.replaced
        assert received - stream.received == COUNT + COUNT // BAD_PER_GOOD
        assert sum(stats.drops.values()) - stats.drops['no listener'] - stream.replaced == COUNT
        assert running.node.state == 'active' and not running.stop.is_set()
    assert grown < MOST_GROWTH
    warnings = re.findall(r'\[WARN\].*bad frames dropped so far', capfd.readouterr().err)
    assert 1 <= len(warnings) <= seconds / _WARNING_PERIOD + 1
    assert max(map(len, warnings)) < 1000


def corrupted(whole, message):
    """Yield a serialized message that is cut off, or has wrong lengths in it."""
    yield from (whole[:end] for end in range(0, 100, 7))
    encoding, data_at = whole.index(message.encoding.encode()), len(whole) - len(message.data)
    for at in (encoding - 4, data_at - 4):
        for length in (2**32 - 1, 2**31, 10**8, len(whole)):
            changed = bytearray(whole)
            pack_into('<I', changed, at, length)
            yield bytes(changed)


def test_bytes_that_are_no_message_are_not_received(probe, tiny_path, segmenter):
    """And text that is not UTF-8 is an unknown encoding."""
    image = blocks(30, 40)
    message, labels = rgb_message(image, 1), segmenter.segment(image).labels
    whole = serialize_message(message)
    with faulty_node(tiny_path, 'raw') as running:
        assert running.do('configure', 'activate')
        stream = Stream(probe, running, 'raw')
        for data in corrupted(whole, message):
            stream.camera.publish(data)
        stream.send(whole.replace(b'rgb8', b'\xff\xfeb8'), 'text that is not UTF-8')
        assert stream.stats.drops['bad'] == 1
        assert np.array_equal(to_labels(stream.label_image(message, 2)), labels)
        assert stream.stats.received - stream.replaced - stream.received == 2
