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
Compare the segmentation node with a plain one: the same camera, topics, network and machine.

    python test/peer/compare.py --json docs/results/peer/warehouse.json

scripts/compare_nav2_tutorial.sh runs this. In every round each node is started, sent frames at a
low rate, then at a high one, and stopped, in rotating order. Prints a Markdown table.
"""

from argparse import ArgumentParser
from dataclasses import dataclass
from itertools import cycle, islice
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep

import numpy as np
import onnx
import onnxruntime
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.benchmark.measurement import LabeledFrames
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.benchmark.over_topics import set_up_ros, to_message
from swiftnet_ros.benchmark.topic_client import open_topic_client
from swiftnet_ros.core.frames import to_rgb
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_size import parse_size
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import share_folder
from training.profiling.machine import machine_facts
from training.profiling.tables import peer_table

_PLAIN_NODE = Path(__file__).parent / 'plain_node.py'
_START_TIMEOUT, _WARM_UP, _TIMED = 120.0, 4, 10
# How long the results of the last frames may take, in seconds.
_LAST_LABELS = 2.0


@dataclass(frozen=True)
class Contender:
    """A node with a network: the program that runs it and a function that only infers."""

    name: str
    program: tuple
    parameters: dict
    infer: object

    def engine_ms(self, image):
        """Return the median milliseconds of inference, 0 without a network."""
        if self.infer is None:
            return 0.0
        times = []
        for _ in range(_WARM_UP + _TIMED):
            start = perf_counter()
            self.infer(image)
            times.append((perf_counter() - start) * 1000)
        return float(np.median(times[_WARM_UP:]))


def main(argv=None):
    """Run the comparison and print its table."""
    parser = ArgumentParser(description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--model', default='indoor', help='shipped model, a pair')
    parser.add_argument('--images', type=Path, default=share_folder('demo') / 'images')
    parser.add_argument('--size', default='1920x1080', help='of the camera, WIDTHxHEIGHT')
    parser.add_argument('--rates', type=float, nargs=2, default=[3.0, 25.0], metavar='HZ')
    parser.add_argument('--seconds', type=float, default=12.0, help='at each rate')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--json', type=Path, help='also write the result to a file')
    options = parser.parse_args(argv)
    set_up_ros()
    with TemporaryDirectory() as folder:
        result = compare(options, Path(folder))
    print(peer_table(result))
    if options.json:
        write_atomic(options.json, to_json(result) + '\n')
    return 0


def compare(options, folder):
    """Return the medians of all rounds, by contender."""
    contenders, spec, device = open_contenders(options, folder)
    frames = LabeledFrames.from_folders(options.images, None, spec, 1, parse_size(options.size))
    messages = [to_message(frame) for frame in islice(frames, 8)]
    small = LabeledFrames.from_folders(
        options.images, None, spec, 1, (spec.input_height, spec.input_width)
    )
    image = to_rgb(next(iter(small)).frame)[np.newaxis]
    # Before anything runs that this program starts.
    load = os.getloadavg()[0]
    rounds = {item.name: [] for item in contenders}
    for number in range(options.rounds):
        shift = number % len(contenders)
        engines = {item.name: item.engine_ms(image) for item in contenders}
        for contender in contenders[shift:] + contenders[:shift]:
            print(f'round {number + 1}: {contender.name}', file=sys.stderr)
            measured = measure(contender, messages, options, f'/peer_{number}')
            rounds[contender.name].append({'engine_ms': engines[contender.name], **measured})
    return {
        'model': options.model,
        'camera': [messages[0].height, messages[0].width],
        'rates_hz': options.rates,
        'seconds': options.seconds,
        'repeats': options.rounds,
        'contenders': [
            {'name': name, **medians(measured), 'rounds': measured}
            for name, measured in rounds.items()
        ],
        'machine': machine_facts(
            device, options.threads, load, onnxruntime=onnxruntime.__version__
        ),
    }


def open_contenders(options, folder):
    """
    Return both nodes with the float and the INT8 network, their specification and CPU.

    A plain node without a network shows what ROS alone costs.
    """
    contenders = [Contender('plain node, no network', (str(_PLAIN_NODE),), {}, None)]
    for precision in ('fp32', 'int8'):
        path = find_model(options.model, precision)
        plain = folder / path.name
        network = onnx.load(path)
        del network.metadata_props[:]
        onnx.save(network, plain)
        threads = {'threads': options.threads}
        chosen = BackendOptions(engine='openvino', precision=precision, **threads)
        backend = open_model_file(path, chosen).backend
        contenders.append(
            Contender(
                f'swiftnet_ros, {precision}',
                ('-m', 'swiftnet_ros.segmentation_node'),
                {'model': str(path), 'precision': precision, **threads},
                backend.infer,
            )
        )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        session = onnxruntime.InferenceSession(str(plain), settings, ['CPUExecutionProvider'])
        contenders.append(
            Contender(
                f'plain node, {precision}',
                (str(_PLAIN_NODE),),
                {'model': str(plain), **threads},
                lambda image, run=session.run: run(None, {'image': image}),
            )
        )
    return contenders, backend.spec, backend.device


def measure(contender, messages, options, namespace):
    """Start a node, send frames at both rates, and return what it did."""
    slow, fast = options.rates
    node = NodeProcess(namespace, contender.parameters, contender.program)
    with node as process, open_topic_client(namespace) as client:
        end = monotonic() + _START_TIMEOUT
        while not client.is_connected():
            process.check()
            assert monotonic() < end, f'{contender.name} is not ready'
            sleep(0.05)
        warm_up(client, process, messages[0])
        low = send(client, process, messages, slow, round(slow * options.seconds))
        high = send(client, process, messages, fast, round(fast * options.seconds))
        process.check()
        memory = process.peak_memory_mb
    return {
        'p50_ms': percentile(low, 50),
        'p99_ms': percentile(low, 99),
        'cpu_ms': low['cpu_ms'],
        'loaded_fps': high['fps'],
        'loaded_p50_ms': percentile(high, 50),
        'loaded_p99_ms': percentile(high, 99),
        'loaded_cpu_ms': high['cpu_ms'],
        'memory_mb': memory,
    }


def warm_up(client, process, message):
    """Send frames until some have been segmented."""
    end, left = monotonic() + _START_TIMEOUT, _WARM_UP
    while left:
        client.send(message)
        left -= client.receive(1.0) is not None
        process.check()
        assert monotonic() < end, 'no label image'


def send(client, process, messages, rate, count):
    """Send frames at a rate; return latencies, label images per second and CPU ms of each."""
    latencies, due = [], monotonic()
    cpu, start = process.cpu_seconds, monotonic()
    for message in islice(cycle(messages), count):
        collect(client, due, latencies)
        client.send(message)
        due += 1.0 / rate
    seconds = monotonic() - start
    number = len(latencies)
    collect(client, monotonic() + _LAST_LABELS, latencies)
    cpu = process.cpu_seconds - cpu
    assert latencies, 'no label image'
    return {
        'latencies': latencies,
        'fps': number / seconds,
        'cpu_ms': 1000 * cpu / len(latencies),
    }


def collect(client, until, latencies):
    """Note the latencies of all label images until a time."""
    received = client.receive(until - monotonic())
    while received is not None:
        latencies.append(received.latency_ms)
        received = client.receive(until - monotonic())


def percentile(measured, percent):
    """Return a percentile of the latencies in ms."""
    return float(np.percentile(measured['latencies'], percent))


def medians(rounds):
    """Return the median of each value over the rounds."""
    return {key: float(np.median([item[key] for item in rounds])) for key in rounds[0]}


if __name__ == '__main__':
    sys.exit(main())
