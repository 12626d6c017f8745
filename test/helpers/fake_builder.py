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
A fake of the program that builds engines: it takes its time, reports it, and copies the model.

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


def fake(folder, *words, found=None, seen=None):
    """
    Return a backend whose engines this program builds in a folder, `memory` for the fallback.

    `found` is the engine in the cache; `seen` collects (model, options, fallback) of builds.
    """
    # Not imported by the program, which has to start at once.
    from contextlib import contextmanager

    from helpers.fake_engines import GatedEngine
    from swiftnet_ros.backends.engine_build import EngineFile

    class BuiltEngine(GatedEngine):
        """A gated engine that is built first."""

        @classmethod
        @contextmanager
        def prepare(cls, model, options, build):
            """Find the engine, or build it."""
            if found is not None:
                yield EngineFile(found, is_built=True)
                return

            def command(fallback):
                if seen is not None:
                    seen.append((model.path, options, fallback))
                target = fallback if 'memory' in words else folder
                program = [sys.executable, __file__, str(model.path), str(target)]
                return [*program, *(word for word in words if word != 'memory')]

            what = f'building engine gated of {model.path.name} in {options.precision}'
            with build.run(what, command) as file:
                yield file

    return BuiltEngine


def builders(folder):
    """Return the process numbers of the fake builders that run for a folder."""
    return living(__file__, folder)


def living(*words):
    """Return the numbers of running processes that have all of these words in their command."""
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
    """Build as the options say; return the exit code."""
    parser = ArgumentParser()
    parser.add_argument('model', type=Path)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--steps', type=int, default=3)
    parser.add_argument('--fail', default='')
    parser.add_argument('--exit', type=int, default=0)
    parser.add_argument('--kill', action='store_true')
    parser.add_argument('--deaf', action='store_true', help='ignore SIGTERM, as a busy library')
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
    options.folder.mkdir(exist_ok=True)
    shutil.copy(options.model, engine)
    result = {'engine': str(engine), 'build_seconds': 61.4, 'warning': options.warning}
    print(json.dumps(result), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
