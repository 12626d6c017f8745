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

"""A program ends quietly on a signal during its imports, in `main` and at its end."""

import signal
import subprocess
import sys

from helpers.checkout import ROOT
import pytest

NODES = ('swiftnet_ros.segmentation_node', 'swiftnet_ros.image_publisher')
COMMANDS = (
    'swiftnet_ros.benchmark.__main__',
    'swiftnet_ros.build_engine',
    'swiftnet_ros.demo.__main__',
    'swiftnet_ros.device_report.__main__',
    'swiftnet_ros.model_spec.__main__',
    'training.__main__',
)
PROGRAM = """
import atexit, sys, time

def wait(phase):
    if phase == sys.argv[1]:
        print(phase, flush=True)
        time.sleep(30)

atexit.register(wait, 'end')
wait('import')

def main():
    try:
        wait('main')
    finally:
        print('cleaned up')
    return 0
"""
# Handle Ctrl-C as at a terminal: a shell's background processes inherit that it is ignored.
RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from swiftnet_ros.system import program
getattr(program, sys.argv.pop(1))('slow_program')
"""


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a program and returns it once it waits in a phase."""
    (tmp_path / 'slow_program.py').write_text(PROGRAM)

    def started(function, phase):
        process = subprocess.Popen(
            [sys.executable, '-c', RUN, function, phase],
            env={'PYTHONPATH': f'{ROOT}:{tmp_path}'},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while process.stdout.readline().strip() != phase:
            assert process.poll() is None
        return process

    return started


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_node_ends_with_0_on_a_signal_during_its_imports(start, number):
    process = start('run_node_program', 'import')
    process.send_signal(number)
    assert process.communicate(timeout=10) == ('', '')
    assert process.returncode == 0


def test_a_node_that_has_ended_ignores_signals(start):
    """As for Ctrl-C in a terminal, which launch sends a second time."""
    process = start('run_node_program', 'end')
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    assert process.communicate()[1] == ''


@pytest.mark.parametrize('phase', ['import', 'main', 'end'])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_command_ends_as_by_the_signal_itself(start, number, phase):
    process = start('run_command', phase)
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (-number, '')
    # SIGTERM ends it at once, as it does every program.
    is_clean = number == signal.SIGINT and phase == 'main'
    assert output == ('cleaned up\n' if is_clean else '')


def test_a_second_ctrl_c_ends_a_command_at_once(start):
    process = start('run_command', 'main')
    for _ in range(50):
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (-signal.SIGINT, '')


RUN_AS_MAIN = """
import runpy, sys
from swiftnet_ros.system import program

program.run_command = lambda name, uses_ros=False: sys.exit(f'command {name}')
program.run_node_program = lambda name: sys.exit(f'node {name}')
try:
    runpy.run_module(sys.argv[1], run_name='__main__')
finally:
    assert not {'numpy', 'cv2', 'rclpy'} & set(sys.modules)
"""


@pytest.mark.parametrize(
    'kind, module',
    [*(('node', name) for name in NODES), *(('command', name) for name in COMMANDS)],
)
def test_every_program_handles_signals_before_its_imports(kind, module):
    name = module.replace('.__main__', '')
    ended = subprocess.run(
        [sys.executable, '-c', RUN_AS_MAIN, name], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (1, f'{kind} {module}\n')


def test_a_bug_has_a_traceback(tmp_path):
    (tmp_path / 'slow_program.py').write_text('def main():\n    1 / 0\n')
    environment = {'PYTHONPATH': f'{ROOT}:{tmp_path}'}
    words = [sys.executable, '-c', RUN, 'run_command']
    ended = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1 and 'ZeroDivisionError' in ended.stderr
