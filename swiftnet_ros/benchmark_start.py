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

"""How long a camera waits for its first label image after the node's process is started."""

import os
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Dict, List

import numpy as np
from sensor_msgs.msg import Image
from swiftnet_ros.backends.openvino.cache import VARIABLE
from swiftnet_ros.benchmark_link import open_link
from swiftnet_ros.benchmark_topics import Parameters, set_up_ros
from swiftnet_ros.errors import NodeSilentError
from swiftnet_ros.node_process import NodeProcess

_PERIOD = 0.1
_LONGEST = 120.0


def time_starts(parameters: Parameters, message: Image, rounds: int) -> Dict[str, Any]:
    """
    Start the node twice a round, without and with what an earlier start compiled.

    Gives the seconds of each start, from that of its process to the first label image for a
    camera of 10 Hz that is there already, and their medians.
    """
    set_up_ros()
    times: Dict[str, List[float]] = {'first': [], 'second': []}
    before = os.environ.get(VARIABLE)
    try:
        for number in range(rounds):
            with TemporaryDirectory() as folder:
                os.environ[VARIABLE] = folder
                for name, seconds in times.items():
                    namespace = f'/benchmark_{os.getpid()}_{name}_{number}'
                    seconds.append(_time_start(namespace, parameters, message))
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before
    medians = {f'{name}_start_s': float(np.median(seconds)) for name, seconds in times.items()}
    return {**medians, 'starts_s': times}


def _time_start(namespace: str, parameters: Parameters, message: Image) -> float:
    with open_link(namespace) as link:
        start = due = monotonic()
        with NodeProcess(namespace, parameters) as process:
            while monotonic() - start < _LONGEST:
                link.send(message)
                due += _PERIOD
                if link.receive(due - monotonic()) is not None:
                    return monotonic() - start
                process.check()
    raise NodeSilentError('the segmentation node', f'no labels within {_LONGEST:g} s')
