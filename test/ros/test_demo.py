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

"""The demo over real topics: its metrics, overlays, page, live view and rate."""

from contextlib import closing
import json
import re
import signal
import socket
import subprocess
import sys
from threading import Event
from time import sleep
from urllib.request import urlopen

import cv2
from helpers.ros_probe import blocks, wait_until
from helpers.tiny_model import COLORS
import numpy as np
from PIL import Image
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.benchmark.measurement import LabeledFrame
from swiftnet_ros.benchmark.over_topics import NodeUnderTest
from swiftnet_ros.benchmark.topic_client import ReceivedLabels
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.demo.player import playable_rate, Player
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.ros.image_msgs import from_array
from swiftnet_ros.segmenter import Segmenter

KEYS = {'frames', 'fps', 'p50_ms', 'p95_ms', 'miou', 'dropped', 'model', 'rate', 'images', 'iou'}


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
    assert result.keys() == KEYS
    assert (result['miou'], result['rate'], result['images']) == (1.0, 5.0, 3)
    assert 8 <= result['frames'] + result['dropped'] <= 13
    assert result['fps'] == pytest.approx(result['frames'] / 2.5, rel=0.05)
    assert 0 < result['p50_ms'] <= result['p95_ms']


def test_the_page_has_the_values_of_the_json(frames, tiny_path, tmp_path):
    words = command(frames, tiny_path, tmp_path, '--seconds', 2)
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    page = (tmp_path / 'index.html').read_text(encoding='utf-8')
    shown = re.findall(r'</span>(class\d)</th><td class="number">([^<]+)</td>', page)
    assert dict(shown) == {
        name: '-' if iou is None else f'{iou:.4f}' for name, iou in result['iou'].items()
    }
    assert f'<dd>{result["miou"]:.4f}</dd>' in page and f'<dd>{result["fps"]:.1f}</dd>' in page
    assert '<dt>Backend</dt><dd>openvino</dd>' in page
    with Image.open(tmp_path / 'overlay.webp') as animation:
        assert (animation.n_frames, animation.size) == (3, (64, 48))
    assert f'open the page: {(tmp_path / "index.html").as_uri()}\n' in done.stderr
    # The tiny model is fast on any machine.
    assert result['rate'] == 10.0
    assert re.search(
        r'can segment and draw [\d.e+]+ frames per second; playing at 10 ', done.stderr
    )


def read_image(stream):
    """Return the first image of a multipart stream."""
    assert stream.readline() == b'--frame\r\n'
    assert stream.readline() == b'Content-Type: image/jpeg\r\n'
    length = int(stream.readline().partition(b':')[2])
    assert stream.readline() == b'\r\n'
    return cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)


def test_the_overlay_is_live_until_the_demo_ends(frames, tiny_path, tmp_path):
    words = command(frames, tiny_path, tmp_path, '--rate', 5, '--view', 0)
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        url = process.stderr.readline().decode().strip().partition('live view: ')[2]
        assert re.fullmatch(r'http://127\.0\.0\.1:\d+/', url)
        with closing(urlopen(f'{url}overlay', timeout=60)) as stream:
            assert read_image(stream).shape == (48, 64, 3)
            with closing(urlopen(f'{url}status', timeout=10)) as response:
                assert re.match(rb'Frame \d+: \d+ ms from its stamp', response.read())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            # What was sent before the end is followed by the end of the stream.
            assert stream.read().endswith(b'--frame\r\n')
    assert process.returncode == 0


def test_a_busy_port_of_the_live_view_is_one_line(frames, tiny_path, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        words = command(frames, tiny_path, tmp_path, '--view', port)
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count('\n') == 1
    assert done.stderr.startswith(
        f'error: cannot open port {port}: Address already in use; choose'
    )


def test_ctrl_c_ends_it_with_overlays_and_metrics(frames, tiny_path, tmp_path):
    words = command(frames, tiny_path, tmp_path, '--rate', 10)
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
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


def test_only_the_first_result_of_an_image_counts_for_the_miou(tiny_path):
    frame = LabeledFrame('a.png', Frame(blocks(8, 8), 'bgr'), np.zeros((8, 8), np.uint8))
    node = NodeUnderTest(WorseningClient(), FakeProcess(), 0.01)
    player = Player(node, read_spec(tiny_path), [frame])
    statuses = []
    player.listeners.append(lambda frame, predicted: statuses.append(player.status()))
    player.play(1000.0, 0.5, Event())
    summary = player.summary()
    assert summary['frames'] > 2 and summary['miou'] == 1.0
    assert (summary['dropped'], summary['p50_ms']) == (0, 5.0)
    assert summary['images'] == 1 and len(statuses) == summary['frames']
    assert statuses[0] == 'Frame 1: 5 ms from its stamp to its label image. Dropped so far: 0.'


class SlowClient(WorseningClient):
    """A client whose node needs 0.25 s for each frame."""

    def receive_labels_of(self, stamp_ns, timeout):
        sleep(0.25)
        return self.receive(timeout)


def test_the_rate_is_what_a_slow_machine_can_do(tiny_path):
    frame = LabeledFrame('a.png', Frame(blocks(8, 8), 'bgr'), np.zeros((8, 8), np.uint8))
    node = NodeUnderTest(SlowClient(), FakeProcess(), 1.0)
    player = Player(node, read_spec(tiny_path), [frame])
    statuses = []
    player.listeners.append(lambda frame, predicted: statuses.append(player.status()))
    capacity = player.measure_capacity(Event())
    assert capacity == pytest.approx(4.0, rel=0.1)
    # Its results are shown, and count for the mIoU, but not as frames of the camera.
    assert set(statuses) == {'Measuring how many frames per second this machine can segment.'}
    assert (player.summary()['frames'], player.summary()['images']) == (0, 1)
    stopped = Event()
    stopped.set()
    assert player.measure_capacity(stopped) is None


@pytest.mark.parametrize(
    ('capacity', 'rate'), [(250.0, 10.0), (12.6, 10.0), (10.0, 8.0), (4.12, 3.3), (0.0123, 0.0098)]
)
def test_rate_leaves_time_for_slow_frames_and_is_at_most_10(capacity, rate):
    assert playable_rate(capacity) == rate
