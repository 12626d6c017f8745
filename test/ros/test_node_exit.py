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

"""How the node ends: one line and 1 for what the user can mend, 0 for Ctrl-C and SIGTERM."""

import json
import re
import signal
import subprocess
import sys
from time import monotonic, sleep

import onnx
import pytest
from ros_probe import blocks, rgb_message, wait_until
from tiny_model import write_tiny_model

NODE = [sys.executable, '-m', 'swiftnet_ros.segmentation_node', '--ros-args', '-p']


def with_spec(path, **changes):
    """Write a tiny model whose specification was changed by hand."""
    write_tiny_model(path)
    model = onnx.load(str(path))
    entry = model.metadata_props[0]
    entry.value = json.dumps({**json.loads(entry.value), **changes})
    onnx.save(model, str(path))


def without_spec(path):
    """Write a tiny model as others would."""
    write_tiny_model(path)
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.save(model, str(path))


def truncated(path):
    """Write half of a tiny model."""
    write_tiny_model(path)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ('write', 'error'),
    [
        (lambda path: None, 'model not found: .*give the path of an .onnx file or the name'),
        (truncated, 'truncated or no ONNX file'),
        (without_spec, 'carries no swiftnet_ros.model_spec; add one with: python -m'),
        (lambda path: with_spec(path, version=99), 'has version 99, this swiftnet_ros reads'),
        (
            lambda path: with_spec(path, classes=[{'name': 'floor', 'rgb': [1, 2, 3]}]),
            'its output is .* expects .*1 classes',
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line_and_exit_code_1(tmp_path, write, error):
    """The newcomer's mistakes; no traceback for any of them."""
    path = tmp_path / 'model.onnx'
    write(path)
    ended = subprocess.run([*NODE, f'model:={path}'], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert re.fullmatch(f'error: .*{error}.*\n', ended.stderr), ended.stderr


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (['threads:=999'], 'parameter threads is 999, expected a whole number of 0 to 256'),
        (['engine:=tensorrt'], "engine 'tensorrt' cannot be used here"),
        (['engine:=auto', '--params-file', '/nowhere.yaml'], 'ROS refused its arguments: .*YAML'),
    ],
)
def test_a_parameter_that_cannot_be_is_one_line_and_exit_code_1(arguments, error):
    ended = subprocess.run([*NODE, *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    errors = [line for line in ended.stderr.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and re.search(error, errors[0]), ended.stderr
    assert 'Traceback' not in ended.stderr


@pytest.mark.parametrize('streaming', [False, True])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_in_two_seconds_with_exit_code_0(
    tiny_path, probe, number, streaming
):
    """Idle and in the middle of a stream; it says what it did, and shows no traceback."""
    with subprocess.Popen(
        [*NODE, f'model:={tiny_path}', '-r', '__ns:=/ending'], stderr=subprocess.PIPE, text=True
    ) as node:
        started = 'segmenting /ending/image with tiny'
        assert any(started in line for line in iter(node.stderr.readline, ''))
        if streaming:
            received = probe.listen('/ending/segmentation/label_image')
            camera = probe.camera('/ending/image')
            message = rgb_message(blocks(480, 640), 1)
            probe.node.create_timer(0.01, lambda: camera.publish(message))
            wait_until(lambda: len(received) > 5)
        start = monotonic()
        node.send_signal(number)
        _, errors = node.communicate(timeout=20)
        assert monotonic() - start < 2.0
        assert node.returncode == 0
        assert 'Traceback' not in errors and '/ending/image: received ' in errors


def test_bad_frames_are_one_warning_every_few_seconds_and_all_counted(tiny_path, probe):
    """A camera with a wrong encoding does not fill the disk with its log."""
    with subprocess.Popen(
        [*NODE, f'model:={tiny_path}', '-r', '__ns:=/bad'], stderr=subprocess.PIPE, text=True
    ) as node:
        received = probe.listen('/bad/segmentation/label_image')
        camera = probe.camera('/bad/image')
        bad, good = rgb_message(blocks(20, 30), 1), rgb_message(blocks(20, 30), 2)
        bad.step = 1
        for _ in range(20):
            camera.publish(bad)
            sleep(0.05)
        probe.ask(camera, good, received)
        node.send_signal(signal.SIGINT)
        _, log = node.communicate(timeout=20)
    warnings = [line for line in log.splitlines() if 'bad frame: step is 1 bytes' in line]
    assert len(warnings) == 1 and '/bad/image' in warnings[0]
    assert 10 <= int(re.search(r'and (\d+) as bad', log)[1]) <= 20
