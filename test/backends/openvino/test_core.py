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

"""The shared core of OpenVINO: signals are handled whatever was opened and closed."""

import subprocess
import sys

from helpers.checkout import ROOT
from swiftnet_ros.backends.openvino.engine import openvino_core

SIGNAL_AFTER = """
import faulthandler, os, signal, sys, threading
from swiftnet_ros.backends.registry import open_engine

faulthandler.enable()
signal.signal(signal.SIGUSR1, lambda number, frame: print('heard'))
opened = [open_engine(sys.argv[1], threads=1) for _ in range(3)]
while opened:
    opened.pop(0).close()
thread = threading.Thread(target=lambda: open_engine(sys.argv[1], threads=1).close())
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_there_is_one_core():
    assert openvino_core() is openvino_core()


def test_signal_is_handled_after_closing_in_any_order(tiny_path):
    """Each core replaces the signal stack of a thread; several restore it in the wrong order."""
    command = [sys.executable, '-c', SIGNAL_AFTER, str(tiny_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, 'heard\n'), done.stderr
