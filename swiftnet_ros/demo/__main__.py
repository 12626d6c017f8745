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

# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it completes a command.
"""
Segment the demo images over real topics, measure the mIoU and show everything on a page.

    python -m swiftnet_ros.demo --seconds 20 --out demo_out

This is what scripts/demo.sh runs. Prints one JSON object as its last line.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.demo.__main__', uses_ros=True)


from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
import sys
from typing import Any, Dict, List, Mapping, Optional

from swiftnet_ros.backends.registry import read_model
from swiftnet_ros.benchmark.measurement import LabeledFrame, LabeledFrames
from swiftnet_ros.benchmark.over_topics import node_under_test
from swiftnet_ros.core.image_listing import ALLOW_UNPAIRED
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.demo.gallery import animation, Gallery, Painter, reduced
from swiftnet_ros.demo.live_view import DEFAULT_PORT, LiveView
from swiftnet_ros.demo.page import fitting, page
from swiftnet_ros.demo.player import MAX_RATE, OnResult, playable_rate, Player
from swiftnet_ros.errors import AnimationError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_encoding import encode_image
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.paths import path_argument, share_folder
from swiftnet_ros.system.process import exit_code, print_warning, stop_on_signals, StopFlag

# Seconds that the node may take for one frame.
_TIMEOUT = 5.0
# What the page says of the engine, by the key in the node's diagnostics.
_ENGINE_FACTS = {
    'engine': 'Backend',
    'precision': 'Precision',
    'device': 'Device',
    'input size': 'Network input',
}


def main(argv: Optional[List[str]] = None) -> int:
    """Run the demo for some seconds or until Ctrl-C; return the exit code."""
    options = make_parser().parse_args(argv)
    return exit_code(lambda: _run(options))


def make_parser() -> ExampleParser:
    """Return the parser of the command line."""
    example = 'python -m swiftnet_ros.demo --seconds 20 --out demo_out'
    parser = ExampleParser('demo', __doc__.strip().partition('\n')[0], example)
    add = parser.add_argument
    add('--seconds', type=float, help='duration; default: until Ctrl-C')
    add('--out', type=path_argument, default=Path('demo_out'), help='folder of page and overlays')
    rate_help = f'frames per second to send; default: what this machine can do, up to {MAX_RATE:g}'
    add('--rate', type=float, help=rate_help)
    add('--model', default='indoor', help='.onnx file, or shipped model')
    add('--images', type=path_argument, help='folder of your own images')
    add('--labels', type=path_argument, help='folder of label images, same names')
    add('--allow-unpaired', action='store_true', help=ALLOW_UNPAIRED)
    view_help = f'show the overlay live on a page of this machine; default port: {DEFAULT_PORT}'
    add('--view', type=int, nargs='?', const=DEFAULT_PORT, metavar='PORT', help=view_help)
    return parser


def _run(options: Namespace) -> int:
    for name in ('rate', 'seconds'):
        value = getattr(options, name)
        if value is not None and not 0 < value < float('inf'):
            raise InvalidValueError(f'--{name}', value, 'a number above 0')
    print(to_json(_demo(options)), flush=True)
    return 0


def _demo(options: Namespace) -> Dict[str, Any]:
    spec = read_model(find_model(options.model)).spec
    images, truths = options.images, options.labels
    if images is None:
        images, truths = share_folder('demo') / 'images', share_folder('demo') / 'labels'
    given = (images, truths, spec, 1)
    frames = list(LabeledFrames.from_folders(*given, allow_unpaired=options.allow_unpaired))
    options.out.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(options.out, Painter(spec))
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        view = None
        if options.view is not None:
            view = stack.enter_context(LiveView(options.view, spec))
            _log(f'live view: {view.url}')
        node = stack.enter_context(node_under_test({'model': options.model}, _TIMEOUT))
        player = Player(node, spec, frames)
        player.listeners.append(gallery.add)
        if view is not None:
            player.listeners.append(_viewer(view, player, Painter(spec)))
        rate = options.rate or _measured_rate(player, stop)
        player.play(rate, options.seconds or float('inf'), stop)
        engine = node.client.engine()
    summary = {**player.summary(), 'model': spec.name, 'rate': rate}
    _write_page(options, spec, summary, engine, gallery)
    return summary


def _measured_rate(player: Player, stop: StopFlag) -> float:
    """Return the rate that this machine can do, and print it; as of a camera if stopped."""
    capacity = player.measure_capacity(stop)
    if capacity is None:
        return MAX_RATE
    rate = playable_rate(capacity)
    done = f'this machine can segment and draw {capacity:.3g} frames per second'
    _log(f'{done}; playing at {rate:g} (choose with --rate)')
    return rate


def _viewer(view: LiveView, player: Player, painter: Painter) -> OnResult:
    """Return a function that shows the overlay of each result while a browser watches."""

    def show(frame: LabeledFrame, predicted: Labels) -> None:
        if view.is_watched:
            overlay = reduced(painter.overlay(frame.frame.pixels, predicted))
            view.show(encode_image(overlay, '.jpg'), player.status())

    return show


def _write_page(
    options: Namespace,
    spec: ModelSpec,
    summary: Mapping[str, Any],
    engine: Mapping[str, str],
    gallery: Gallery,
) -> None:
    """Write the page and the animation, and print where they are."""
    images = fitting(gallery.images())
    if not images:
        print_warning('there is no page, as no frame has a result')
        return
    facts = {name: engine[key] for key, name in _ENGINE_FACTS.items() if engine.get(key)}
    facts['Weights'] = ': '.join(filter(None, (spec.license, spec.terms))) or 'terms not stated'
    webp = b''
    try:
        webp = animation(images)
        write_atomic(options.out / 'overlay.webp', webp)
    except AnimationError as error:
        print_warning(str(error))
    path = options.out / 'index.html'
    write_atomic(path, page(spec, summary, facts, images, webp))
    _log(f'open the page: {path.resolve().as_uri()}')


def _log(text: str) -> None:
    """Print text for people; standard output is for the result."""
    print(text, file=sys.stderr, flush=True)
