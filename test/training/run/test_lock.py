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

"""Two processes on one run: the second waits, and resumes if the first is killed."""

import os
import signal
import subprocess
import sys
from threading import Thread
import time

from helpers.checkout import ROOT
from helpers.tiny_training import step_losses, tiny_config, training_that, write_config
import pytest
from swiftnet_ros.errors import SwiftnetError
from training.run.folder import LOCK, lock_run, RunPaths
from training.trainer.train import train

# A statement that waits at step 3 until a file exists.
WAIT_AT_STEP_3 = 'while state.step == 3 and not os.path.exists({file!r}): time.sleep(0.05)'


@pytest.fixture
def start():
    """Return a function that starts Python with one thread; its processes end with the test."""
    started = []

    def popen(*words: str) -> subprocess.Popen:
        env = {**os.environ, 'OMP_NUM_THREADS': '1'}
        started.append(
            subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield popen
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize('killed', [False, True])
def test_second_process_waits_for_the_first(start, folder_root, tmp_path, killed):
    path = write_config(tmp_path / 'tiny.yaml')
    run, whole, signal_file = tmp_path / 'run', tmp_path / 'whole', tmp_path / 'go_on'
    words = ('train', str(path), '--root', str(folder_root), '--out', str(run))
    first = start('-c', training_that(WAIT_AT_STEP_3.format(file=str(signal_file))), *words)
    deadline = time.monotonic() + 120
    while not RunPaths(run).losses.exists() or len(step_losses(run)) < 3:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    second = start('-m', 'training', *words)
    line = second.stderr.readline()
    while line and 'another process is training it' not in line:
        line = second.stderr.readline()
    assert str(run) in line
    assert second.poll() is None
    if killed:
        first.send_signal(signal.SIGKILL)
    else:
        signal_file.touch()
    assert second.wait(120) == 0, second.stderr.read()
    assert first.wait(120) == (-signal.SIGKILL if killed else 0)
    train(tiny_config(), folder_root, whole)
    assert step_losses(run) == pytest.approx(step_losses(whole), abs=1e-6)


def test_folder_that_stays_empty_is_removed(tmp_path):
    with pytest.raises(SwiftnetError), lock_run(tmp_path / 'run'):
        raise SwiftnetError('stop')
    assert not (tmp_path / 'run').exists()


def test_link_in_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / LOCK).symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='symbolic links'), lock_run(tmp_path / 'run'):
        pass
    assert not (tmp_path / 'elsewhere').exists()


def test_only_a_long_wait_is_reported(tmp_path, capsys):
    def wait():
        with lock_run(tmp_path):
            pass

    with lock_run(tmp_path):
        waiting = Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        assert capsys.readouterr().err == ''
        time.sleep(1.0)
    waiting.join(10)
    assert 'another process is training it' in capsys.readouterr().err


def test_existing_folder_stays(tmp_path):
    (tmp_path / 'run').mkdir()
    with lock_run(tmp_path / 'run'):
        pass
    assert (tmp_path / 'run').is_dir()


def test_processes_of_torchrun_share_their_run(tmp_path, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    with lock_run(tmp_path / 'run'), lock_run(tmp_path / 'run'):
        assert not (tmp_path / 'run').exists()
    monkeypatch.setenv('RANK', '0')
    with lock_run(tmp_path / 'run'):
        assert (tmp_path / 'run' / LOCK).exists()
