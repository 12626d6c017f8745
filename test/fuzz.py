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
Read damaged files and malformed messages from a seeded generator for as long as you like.

    python test/fuzz.py --seconds 600 --seed 7

scripts/fuzz.sh runs this. The files are read by another process, so that one which crashes it is
found too. What breaks a reader is printed and kept; the exit code is 1 if anything did.
"""

from argparse import ArgumentParser
from importlib import import_module
from itertools import count
from pathlib import Path
from random import Random
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import monotonic
import warnings

from helpers.damage import check_reader, ReaderError

# module: function that returns kinds of files. Without torch or ROS a module is left out.
GENERATORS = {
    'helpers.damaged_files': 'runtime_kinds',
    'helpers.damaged_training_files': 'training_kinds',
    'helpers.damaged_messages': 'message_kinds',
}
# A network that takes longer to read a file hangs.
_TIMEOUT = 300


def all_kinds(folder):
    """Return the kinds of files of all generators that can be imported here."""
    kinds = []
    for module, function in GENERATORS.items():
        try:
            make = getattr(import_module(module), function)
        except ImportError as error:
            print(f'left out: {module} ({error})', file=sys.stderr)
            continue
        kinds += make(folder) if make.__code__.co_argcount else make()
    return kinds


def read_files(options):
    """Read files until the time is over; return how many broke their reader."""
    warnings.simplefilter('ignore')
    broken, start, random = 0, monotonic(), Random(options.seed)
    with TemporaryDirectory() as scratch:
        kinds = [k for k in all_kinds(Path(scratch)) if options.only in ('', k.name)]
        for number in count():
            if monotonic() - start > options.seconds:
                break
            kind, seed = kinds[number % len(kinds)], random.getrandbits(32)
            # Kept if this process crashes.
            (options.keep / 'current').write_text(f'{kind.name}, seed {seed}\n')
            try:
                check_reader(kind, Random(seed), options.keep)
            except ReaderError as error:
                broken += 1
                kept = options.keep / f'broken_{seed}_{kind.file_name}'
                kept.write_bytes(error.content)
                print(f'{error}\n  kept: {kept}', flush=True)
    print(f'read {number} files, {broken} broke their reader', file=sys.stderr)
    return broken


def watch(options, arguments):
    """Read files in another process, again after each that crashes it; return the exit code."""
    end, seed, broken = monotonic() + options.seconds, options.seed, 0
    while True:
        left = max(0, end - monotonic())
        command = [sys.executable, __file__, *arguments, '--child', f'--seed={seed}']
        done = subprocess.run([*command, f'--seconds={left}'], timeout=left + _TIMEOUT)
        if done.returncode in (0, 1):
            return int(bool(done.returncode or broken))
        broken, seed = broken + 1, seed + 1
        what = (options.keep / 'current').read_text().strip()
        print(f'{what}: the process ended with {done.returncode}', flush=True)
        for path in options.keep.glob('odd.*'):
            kept = shutil.copy(path, options.keep / f'crash_{seed}_{path.name}')
            print(f'  kept: {kept}', flush=True)


def main(argv=None):
    """Run the fuzz test and return the exit code."""
    parser = ArgumentParser(prog='fuzz', description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--only', default='', metavar='KIND', help='such as checkpoint')
    parser.add_argument('--keep', type=Path, default=Path('fuzz'), help='folder for what broke')
    parser.add_argument('--child', action='store_true', help='read the files in this process')
    arguments = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(arguments)
    options.keep.mkdir(parents=True, exist_ok=True)
    return min(1, read_files(options)) if options.child else watch(options, arguments)


if __name__ == '__main__':
    sys.exit(main())
