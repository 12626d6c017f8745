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

"""
Measure the CPU time of each copy of a camera's frame and of its label image, and their bytes.

    python test/frame_copies.py --model warehouse --size 1920x1080

`scripts/bench.sh copies` runs this. It does what the segmentation node does to a frame, step by
step in one thread, and reads the CPU time of that thread and of the middleware's own threads. The
camera, which also receives the label images, is another process. Prints a Markdown table.
"""

from argparse import ArgumentParser
from contextlib import contextmanager
from itertools import cycle, islice
import os
from pathlib import Path
import subprocess
import sys
from time import sleep, thread_time

# Before anything large is allocated, as in the programs of the package.
from swiftnet_ros.system.heap import keep_freed_memory

keep_freed_memory()

import numpy as np  # noqa: E402, I100
import rclpy  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from swiftnet_ros.backends.options import BackendOptions  # noqa: E402
from swiftnet_ros.backends.registry import open_model_file  # noqa: E402
from swiftnet_ros.benchmark.measurement import LabeledFrames  # noqa: E402
from swiftnet_ros.benchmark.over_topics import set_up_ros, to_message  # noqa: E402
from swiftnet_ros.core.frames import to_network_input  # noqa: E402
from swiftnet_ros.core.labels import from_logits, label_dtype  # noqa: E402
from swiftnet_ros.ros.guards import message_or_none  # noqa: E402
from swiftnet_ros.ros.image_msgs import LabelBuffer, to_frame  # noqa: E402
from swiftnet_ros.ros.topics import camera_qos, output_qos  # noqa: E402
from swiftnet_ros.system.files import write_atomic  # noqa: E402
from swiftnet_ros.system.image_size import parse_size  # noqa: E402
from swiftnet_ros.system.json_text import to_json  # noqa: E402
from swiftnet_ros.system.paths import share_folder  # noqa: E402
from training.profiling.machine import machine_facts  # noqa: E402
from training.profiling.tables import copies_table  # noqa: E402

_WARM_UP, _RATE, _IMAGES = 10, 10.0, 16
_TOPIC, _LABELS = 'copies/image', 'copies/label_image'


def main(argv=None):
    """Run the measurement, or the camera, and print a table."""
    parser = ArgumentParser(description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--model', default='indoor')
    parser.add_argument('--images', type=Path, default=share_folder('demo') / 'images')
    parser.add_argument('--size', default='1920x1080', help='of the camera, WIDTHxHEIGHT')
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--json', type=Path, help='also write the result to a file')
    parser.add_argument('--camera', action='store_true', help='be the camera, until interrupted')
    options = parser.parse_args(argv)
    set_up_ros()
    rclpy.init()
    load = os.getloadavg()[0]
    chosen = BackendOptions(engine='openvino', threads=options.threads)
    backend = open_model_file(options.model, chosen).backend
    if options.camera:
        publish_frames(options, backend.spec)
        return 0
    with camera_process(sys.argv[1:] if argv is None else argv):
        steps = measure(options.frames, backend)
    rclpy.shutdown()
    result = {
        'model': options.model,
        'camera': list(parse_size(options.size)),
        'frames': options.frames,
        'steps': steps,
        'machine': machine_facts(backend.device, options.threads, load),
    }
    print(copies_table(result))
    if options.json:
        write_atomic(options.json, to_json(result) + '\n')
    return 0


@contextmanager
def camera_process(arguments):
    """Run this program as a camera during the block."""
    process = subprocess.Popen([sys.executable, __file__, *arguments, '--camera'])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def publish_frames(options, spec):
    """Publish images at a rate and receive label images."""
    node = rclpy.create_node('camera')
    images = node.create_publisher(Image, _TOPIC, camera_qos())
    node.create_subscription(Image, _LABELS, lambda message: None, output_qos())
    given = (options.images, None, spec, 1, parse_size(options.size))
    frames = islice(LabeledFrames.from_folders(*given), _IMAGES)
    for message in cycle([to_message(frame) for frame in frames]):
        images.publish(message)
        rclpy.spin_once(node, timeout_sec=0.5 / _RATE)
        sleep(0.5 / _RATE)


def measure(count, backend):
    """Return the steps of a frame: what is done, by what, bytes written, median CPU ms."""
    node = rclpy.create_node('segmentation')
    subscription = node.create_subscription(Image, _TOPIC, lambda message: None, camera_qos())
    labels = node.create_publisher(Image, _LABELS, output_qos())
    while not (labels.get_subscription_count() and node.count_publishers(_TOPIC)):
        sleep(0.05)
    buffer, array, times = LabelBuffer(), None, []
    for number in range(_WARM_UP + count):
        if number == _WARM_UP:
            middleware = middleware_seconds()
        message, take = None, []
        while message is None:
            sleep(0.002)
            start = thread_time()
            taken = message_or_none(subscription)
            message = taken and taken[0]
            take = thread_time() - start
        clock = Laps()
        frame = to_frame(message)
        clock.lap()
        size = (backend.spec.input_height, backend.spec.input_width)
        array = to_network_input(frame, *size, array)
        clock.lap()
        logits = backend.infer(array)
        clock.restart()
        out = buffer.labels(frame.height, frame.width, label_dtype(len(backend.spec.classes)))
        from_logits(logits, frame.height, frame.width, out=out)
        clock.lap()
        result = buffer.message(message.header)
        labels.publish(result)
        clock.lap()
        times.append([take, *clock.laps])
    middleware = 1000 * (middleware_seconds() - middleware) / count
    medians = 1000 * np.median(times[_WARM_UP:], axis=0)
    camera, label, network = len(message.data), len(result.data), array.nbytes
    names = (
        ('history to C message to Python message', 'rmw, rclpy', 2 * camera),
        ('message to frame', 'a view', 0),
        ("resize to the network's input, BGR to RGB", 'OpenCV', network),
        ('logits to labels, in the data of the message', 'upsampled_cells.py', label),
        ('message to C message, history, shared memory', 'rclpy, rmw, Fast DDS', 3 * label),
    )
    threads = ('shared memory to history, and whatever else', "Fast DDS's threads", camera)
    return [
        {'step': step, 'by': by, 'bytes': size, 'cpu_ms': float(value)}
        for (step, by, size), value in zip((threads, *names), (middleware, *medians))
    ]


class Laps:
    """A stopwatch of this thread's CPU time."""

    def __init__(self):
        self.laps = []
        self.restart()

    def restart(self):
        """Start a lap."""
        self._start = thread_time()

    def lap(self):
        """End a lap, and start the next one."""
        self.laps.append(thread_time() - self._start)
        self.restart()


def middleware_seconds():
    """Return the CPU time of the middleware's threads in this process."""
    ticks = 0
    for stat in Path('/proc/self/task').glob('*/stat'):
        name, _, rest = stat.read_text().rpartition(')')
        if '(dds.' in name:
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    sys.exit(main())
