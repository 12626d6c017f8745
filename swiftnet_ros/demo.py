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
Segment the demo frames over real topics, keep the overlays and score the labels.

    python -m swiftnet_ros.demo --seconds 20 --out demo_out

This is what scripts/demo.sh runs. Prints one JSON object as its last line.
"""

from argparse import ArgumentParser, Namespace
import json
from pathlib import Path
import sys
from typing import Any, Dict, List, Optional, Union

from swiftnet_ros.benchmark_runs import Samples
from swiftnet_ros.benchmark_topics import node_under_test
from swiftnet_ros.demo_player import Player
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.exit_code import exit_code
from swiftnet_ros.model_files import spec_of
from swiftnet_ros.node_main import stop_on_signals
from swiftnet_ros.share import share_folder
from swiftnet_ros.shipped_models import find_model

_PATIENCE = 5.0


def main(argv: Optional[List[str]] = None) -> int:
    """Run the demo until its time is over or it is interrupted; give the exit code."""
    options = _parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def _run(options: Namespace) -> int:
    _check(options)
    print(json.dumps(_demo(options)), flush=True)
    return 0


def _demo(options: Namespace) -> Dict[str, Any]:
    spec = spec_of(find_model(options.model))
    images, truths = options.images, options.labels
    if images is None:
        images, truths = share_folder('demo') / 'images', share_folder('demo') / 'labels'
    samples = list(Samples.from_folders(images, truths, spec, 1))
    options.out.mkdir(parents=True, exist_ok=True)
    parameters: Dict[str, Union[str, int]] = {'model': options.model}
    with stop_on_signals() as stop, node_under_test(parameters, _PATIENCE) as node:
        player = Player(node, spec, options.out)
        player.play(samples, options.rate, options.seconds or float('inf'), stop)
    print(f'overlays are in {options.out}', file=sys.stderr)
    return {**player.summary(), 'model': spec.name, 'rate': options.rate}


def _check(options: Namespace) -> None:
    for name in ('rate', 'seconds'):
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InvalidValueError(f'--{name}', value, 'a number above 0')


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog='demo', description='Segment the demo frames over real topics.')
    parser.add_argument('--seconds', type=float, help='how long; until Ctrl-C if left out')
    parser.add_argument('--out', type=Path, default=Path('demo_out'), help='folder of overlays')
    parser.add_argument('--rate', type=float, default=10.0, help='frames per second to send')
    parser.add_argument('--model', default='warehouse', help='.onnx file, or shipped model')
    parser.add_argument('--images', type=Path, help='your own images, which fit into memory')
    parser.add_argument('--labels', type=Path, help='their labels: PNGs of class ids, same names')
    return parser


if __name__ == '__main__':
    sys.exit(main())
