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

"""A build in a child process: its messages, its failures, and that it always ends."""

import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Event, Timer
from time import monotonic, sleep

from helpers import fake_builder
from helpers.fake_builder import builders
import pytest
from swiftnet_ros.backends.build_subprocess import run_build
from swiftnet_ros.errors import BuildCancelledError, BuildProcessError, ReportedError


@pytest.fixture
def model(tmp_path):
    """Write a file in place of a model."""
    path = tmp_path / 'model.onnx'
    path.write_bytes(b'weights')
    return path


def build(model, *options, on_progress=lambda message: None, cancelled=None):
    """Run the fake builder in the folder of a model."""
    words = [sys.executable, fake_builder.__file__, str(model), str(model.parent), *options]
    return run_build(words, on_progress, cancelled or Event())


def test_progress_and_result_are_parsed_between_other_output(model):
    heard = []
    result = build(model, on_progress=heard.append)
    assert Path(result['engine']).read_bytes() == b'weights' and result['build_seconds'] == 61.4
    assert [item['fraction'] for item in heard] == [0, 1 / 3, 2 / 3]
    assert {item['phase'] for item in heard} == {'tactics'}


@pytest.mark.parametrize(
    ('options', 'kind', 'message'),
    [
        (['--fail', 'no such operator'], ReportedError, '^no such operator$'),
        (['--exit', '3'], BuildProcessError, 'not built: it ended with exit code 3: fault'),
        (['--kill'], BuildProcessError, 'was killed .SIGKILL., probably out of memory; .*mb$'),
    ],
)
def test_failed_build_raises_one_line_with_its_reason(model, options, kind, message):
    with pytest.raises(kind, match=message):
        build(model, '--steps', '0', *options)


@pytest.mark.parametrize(
    ('code', 'message'),
    [
        ('pass', 'it ended without a result'),
        ('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)', 'signal 11: it wrote no er'),
    ],
)
def test_program_without_a_result_raises(code, message):
    with pytest.raises(BuildProcessError, match=message):
        run_build([sys.executable, '-c', code], print, Event())


@pytest.mark.parametrize('options', [[], ['--deaf']])
def test_cancelled_build_ends_at_once(model, options):
    """Also one that ignores SIGTERM, as while a library is busy."""
    cancelled, moments = Event(), []

    def cancel(progress):
        # During the build, however long the child took to start.
        if not moments:
            moments.append(monotonic())
            cancelled.set()

    with pytest.raises(BuildCancelledError):
        build(model, '--steps', '1000', *options, on_progress=cancel, cancelled=cancelled)
    assert monotonic() - moments[0] < 1.0
    assert not builders(model.parent) and not list(model.parent.glob('*.built'))


def test_program_that_closes_its_outputs_can_be_cancelled():
    code = 'import os, time; os.close(1); os.close(2); time.sleep(60)'
    cancelled = Event()
    Timer(0.5, cancelled.set).start()
    start = monotonic()
    with pytest.raises(BuildCancelledError):
        run_build([sys.executable, '-c', code], print, cancelled)
    assert monotonic() - start < 2.0


def test_children_of_a_build_end_with_it(tmp_path):
    code = (
        'import subprocess, sys\n'
        'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],\n'
        '                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n'
        'print(\'{"child": %d}\' % child.pid)\n'
    )
    child = run_build([sys.executable, '-c', code], print, Event())['child']
    end = monotonic() + 5
    while _lives(child) and monotonic() < end:
        sleep(0.02)
    assert not _lives(child)


def test_ctrl_c_in_the_terminal_does_not_reach_the_build(model):
    """The whole foreground group gets the signal, and the caller decides."""
    code = (
        'import signal, sys\nfrom threading import Event\n'
        'from swiftnet_ros.backends.build_subprocess import run_build\n'
        'signal.signal(signal.SIGINT, lambda *given: None)\n'
        'print(run_build(sys.argv[1:], lambda m: print("step", flush=True), Event())["engine"])\n'
    )
    words = [sys.executable, fake_builder.__file__, str(model), str(model.parent), '--steps', '20']
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, '-c', code, *words], stdout=subprocess.PIPE, text=True,
                          env=environment, start_new_session=True) as caller:  # fmt: skip
        assert caller.stdout.readline() == 'step\n'
        os.killpg(caller.pid, signal.SIGINT)
        assert caller.stdout.read().endswith('.built\n')
    assert caller.returncode == 0


def _lives(pid):
    """Return whether a process runs and is no zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
