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

"""Ten thousand malformed messages between good frames cost the node these messages and no more."""

import gc
from random import Random
import re
from struct import pack_into
from time import monotonic, sleep

from helpers.malformed_messages import (
    good_image,
    good_picture,
    malformed,
    MALFORMED_IMAGES,
    MALFORMED_PICTURES,
)
from helpers.ros_probe import blocks, resident, rgb_message, stamped, wait_until
from helpers.running_node import RunningNode
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.ros.camera import _WARNING_PERIOD
from swiftnet_ros.ros.image_msgs import to_labels
from swiftnet_ros.segmenter import Segmenter

# Of each transport; together they are ten thousand.
COUNT, WARM_UP, BAD_PER_GOOD = 5000, 1000, 10
MOST_GROWTH = 3e6
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
STREAMS = {
    'raw': (Image, '', MALFORMED_IMAGES, good_image),
    'compressed': (CompressedImage, '/compressed', MALFORMED_PICTURES, good_picture),
}


@pytest.fixture(scope='module')
def segmenter(tiny_path):
    """Give what should come out."""
    with open_engine(tiny_path) as engine:
        yield Segmenter(engine)


class Stream:
    """A camera of a running node whose every frame is waited for, over reliable topics."""

    def __init__(self, probe, running, transport):
        """Connect, with a first good frame."""
        kind, suffix, _, make_good = STREAMS[transport]
        self.records = running.camera().stats
        self._answers = probe.listen(f'/{transport}/segmentation/label_image')
        self.camera = probe.camera(f'/{transport}/image{suffix}', RELIABLE, kind)
        first, _ = make_good(Random(0))
        probe.ask(self.camera, first, self._answers)
        wait_until(lambda: self._settled() == self.records.received)
        self.received, self.published = self.records.received, self.records.published
        self._answers.clear()

    def send(self, message, what):
        """Publish a message; wait until the node has answered or dropped it."""
        before, end = self._settled(), monotonic() + 20
        self.camera.publish(message)
        while self._settled() == before:
            assert monotonic() < end, f'nothing became of a message with {what}'
            sleep(0.0002)

    def answer(self, message, number):
        """Publish a good frame stamped `number`; give its answer."""
        message.header = stamped(number)
        self.send(message, f'the number {number}')
        wait_until(lambda: self._answers, what=f'the answer to frame {number}')
        answer = self._answers.pop()
        assert answer.header == message.header and not self._answers
        return answer

    def _settled(self):
        return self.records.published + sum(self.records.drops.values())


def faulty_node(tiny_path, transport):
    """Give a node that hears every message, in the order in which they were sent."""
    given = {'model': str(tiny_path), 'image_transport': transport, 'max_decoded_pixels': 100_000}
    qos = f'qos_overrides./{transport}/image{STREAMS[transport][1]}.subscription'
    given.update({f'{qos}.reliability': 'reliable', f'{qos}.depth': 10})
    return RunningNode(f'/{transport}', **given)


@pytest.mark.parametrize('transport', STREAMS)
def test_malformed_messages_cost_nothing_but_themselves(
    probe, tiny_path, segmenter, transport, capfd
):
    """Over DDS: every good frame is answered rightly, none is lost, memory stays, the log too."""
    _, _, kinds, make_good = STREAMS[transport]
    random = Random(1)
    frames = [make_good(random) for _ in range(25)]
    good = [(message, segmenter.segment(picture).labels) for message, picture in frames]
    with faulty_node(tiny_path, transport) as running:
        assert running.do('configure', 'activate')
        stream, start = Stream(probe, running, transport), monotonic()
        records = stream.records
        for number, (kind, bad) in enumerate(malformed(kinds, COUNT)):
            stream.send(bad, kind)
            assert records.drops['bad'] == number + 1, kind
            if number % BAD_PER_GOOD == 0:
                message, labels = good[number // BAD_PER_GOOD % len(good)]
                assert np.array_equal(to_labels(stream.answer(message, number)), labels), number
            if number == WARM_UP:
                gc.collect()
                before = resident()
        gc.collect()
        grown, seconds = resident() - before, monotonic() - start
        assert records.published - stream.published == COUNT // BAD_PER_GOOD
        assert records.received - stream.received == COUNT + COUNT // BAD_PER_GOOD
        assert sum(records.drops.values()) - records.drops['no listener'] == COUNT
        assert running.node.state == 'active' and not running.stop.is_set()
    assert grown < MOST_GROWTH
    warnings = re.findall(r'\[WARN\].*bad frames dropped so far', capfd.readouterr().err)
    assert 1 <= len(warnings) <= seconds / _WARNING_PERIOD + 1
    assert max(map(len, warnings)) < 1000


def lies_about(whole, message):
    """Give the bytes of a message with lengths in it that are wrong, and cut off anywhere."""
    yield from (whole[:end] for end in range(0, 100, 7))
    encoding, data = whole.index(message.encoding.encode()), len(whole) - len(message.data)
    for at in (encoding - 4, data - 4):
        for length in (2**32 - 1, 2**31, 10**8, len(whole)):
            lied = bytearray(whole)
            pack_into('<I', lied, at, length)
            yield bytes(lied)


def test_bytes_that_are_no_message_are_not_even_received(probe, tiny_path, segmenter):
    """And text that is no UTF-8 is an encoding that nobody knows."""
    picture = blocks(30, 40)
    message, labels = rgb_message(picture, 1), segmenter.segment(picture).labels
    whole = serialize_message(message)
    with faulty_node(tiny_path, 'raw') as running:
        assert running.do('configure', 'activate')
        stream = Stream(probe, running, 'raw')
        for lie in lies_about(whole, message):
            stream.camera.publish(lie)
        stream.send(whole.replace(b'rgb8', b'\xff\xfeb8'), 'text that is no UTF-8')
        assert stream.records.drops['bad'] == 1
        assert np.array_equal(to_labels(stream.answer(message, 2)), labels)
        assert stream.records.received - stream.received == 2
