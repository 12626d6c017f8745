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

"""The demo over real topics: its metrics and its overlays."""

import json
import signal
import subprocess
import sys
from threading import Event

import cv2
from helpers.ros_probe import blocks, wait_until
from helpers.tiny_model import COLORS
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.benchmark.measurement import LabeledFrame
from swiftnet_ros.benchmark.over_topics import NodeUnderTest
from swiftnet_ros.benchmark.topic_client import ReceivedLabels
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.demo import Player
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.segmenter import Segmenter

KEYS = {'frames', 'fps', 'p50_ms', 'p95_ms', 'miou'}


@pytest.fixture(scope='module')
def frames(tmp_path_factory, tiny_path):
    """Write three images and, as ground truth, the tiny model's labels."""
    folder = tmp_path_factory.mktemp('frames')
    (folder / 'images').mkdir()
    (folder / 'labels').mkdir()
    with open_backend(tiny_path) as engine:
        for number in range(3):
            rgb = blocks(48, 64, number)
            truth = Segmenter(engine).segment(rgb).labels
            cv2.imwrite(str(folder / 'images' / f'{number}.png'), rgb[:, :, ::-1])
            cv2.imwrite(str(folder / 'labels' / f'{number}.png'), truth)
    return folder


def command(frames, tiny_path, out, *more):
    """Return the command that runs the demo on these frames."""
    folders = ['--images', frames / 'images', '--labels', frames / 'labels', '--out', out]
    module = ['-m', 'swiftnet_ros.demo', '--model', tiny_path]
    return [sys.executable, *map(str, [*module, *folders, *more])]


def test_every_frame_is_compared_with_its_own_labels(frames, tiny_path, tmp_path):
    words = command(frames, tiny_path, tmp_path, '--rate', 5, '--seconds', 2.5)
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.keys() >= KEYS
    assert result['miou'] == 1.0
    assert 8 <= result['frames'] + result['dropped'] <= 13
    assert result['fps'] == pytest.approx(result['frames'] / 2.5, rel=0.05)
    assert 0 < result['p50_ms'] <= result['p95_ms']


def test_ctrl_c_ends_it_with_overlays_and_metrics(frames, tiny_path, tmp_path):
    process = subprocess.Popen(command(frames, tiny_path, tmp_path), stdout=subprocess.PIPE)
    wait_until(lambda: len(list(tmp_path.iterdir())) == 3, 60, 'an overlay of every image')
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(output.splitlines()[-1])['frames'] >= 3
    overlay = cv2.imread(str(tmp_path / '0.jpg')).astype(int)
    image = cv2.imread(str(frames / 'images' / '0.png')).astype(int)
    with open_backend(tiny_path) as engine:
        labels = Segmenter(engine).segment(image.astype(np.uint8), 'bgr').labels
    expected = (image + np.array(COLORS)[labels][:, :, ::-1]) / 2
    # JPEG is lossy.
    assert np.abs(overlay - expected).mean() < 12


@pytest.mark.parametrize(
    ('more', 'error'),
    [
        (['--rate', '0'], '--rate is 0.0, expected a number above 0'),
        (['--seconds', '-1'], '--seconds is -1.0, expected a number above 0'),
        (['--model', 'nothing'], "model not found: 'nothing'"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_1(frames, tiny_path, tmp_path, more, error):
    words = command(frames, tiny_path, tmp_path, *more)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f'error: {error}')
    assert done.stderr.count('\n') == 1


class WorseningClient:
    """A client whose node labels the first two frames with 0 and all others with 1."""

    def __init__(self):
        self.sent, self._received = 0, []

    def send(self, message):
        self.sent += 1
        label = 0 if self.sent <= 2 else 1
        labels = from_array(np.full((8, 8), label, np.uint8), 'mono8', message.header)
        self._received.append(ReceivedLabels(self.sent, self.sent + 5_000_000, labels))
        return self.sent

    def receive(self, timeout):
        return self._received.pop(0) if self._received else None

    def receive_labels_of(self, stamp_ns, timeout):
        return self.receive(timeout)


class FakeProcess:
    """A running process."""

    def check(self):
        """Do not raise."""


def test_only_the_first_result_of_an_image_counts_for_the_miou(tiny_path, tmp_path):
    frame = LabeledFrame('a.png', Frame(blocks(8, 8), 'bgr'), np.zeros((8, 8), np.uint8))
    node = NodeUnderTest(WorseningClient(), FakeProcess(), 0.01)
    player = Player(node, read_spec(tiny_path), tmp_path)
    player.play([frame], 1000.0, 0.5, Event())
    summary = player.summary()
    assert summary['frames'] > 2 and summary['miou'] == 1.0
    assert (summary['dropped'], summary['p50_ms']) == (0, 5.0)
