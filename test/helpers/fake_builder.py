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
Stands in for the program that builds engines: it takes its time, says so, and copies the model.

    python fake_builder.py MODEL FOLDER [--steps N] [--fail TEXT] [--exit CODE] [--kill] [--deaf]
"""

from argparse import ArgumentParser
import json
import os
from pathlib import Path
import shutil
import signal
import sys
from time import sleep

STEP = 0.05


def fake(folder, *options, found=None, seen=None):
    """Give a builder whose engines lie in `folder`; `seen` collects what it was asked for."""
    # Not needed by the program, which shall start at once.
    from swiftnet_ros.model_spec.find_model import find_model
    from swiftnet_ros.serving.engine_build import Builder

    def command(choice, model, memory):
        if seen is not None:
            seen.append((choice, model, memory))
        place = memory if 'memory' in options else folder
        words = [word for word in options if word != 'memory']
        return [sys.executable, __file__, str(model), str(place), *words]

    def source(choice):
        return find_model(choice.model)

    return Builder(source, lambda choice, model: found, command)


def builders(folder):
    """List the fake builders that live and build into a folder, by their process numbers."""
    return living(__file__, folder)


def living(*words):
    """List the processes that live and have all of these words in their command."""
    found = []
    for entry in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            command = entry.read_bytes().split(b'\0')
        except OSError:
            continue
        if all(str(word).encode() in command for word in words):
            found.append(int(entry.parent.name))
    return found


def main():
    """Build as the options say; give the exit code."""
    parser = ArgumentParser()
    parser.add_argument('model', type=Path)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--steps', type=int, default=3)
    parser.add_argument('--fail', default='')
    parser.add_argument('--exit', type=int, default=0)
    parser.add_argument('--kill', action='store_true')
    parser.add_argument('--deaf', action='store_true', help='as a library that holds the thread')
    parser.add_argument('--warning', default='')
    options = parser.parse_args()
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for step in range(options.steps):
        progress = {'phase': 'tactics', 'fraction': step / options.steps}
        print(json.dumps({**progress, 'elapsed_s': step * STEP, 'last_build_s': 90.0}), flush=True)
        print('a library talks in between', flush=True)
        sleep(STEP)
    if options.kill:
        os.kill(os.getpid(), signal.SIGKILL)
    if options.fail:
        print(f'warning of a library\nerror: {options.fail}\nbye', file=sys.stderr)
        return 1
    if options.exit:
        print('segmentation\nfault', file=sys.stderr)
        return options.exit
    engine = options.folder / f'{options.model.stem}.built'
    shutil.copy(options.model, engine)
    result = {'engine': str(engine), 'build_seconds': 61.4, 'warning': options.warning}
    print(json.dumps(result), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
