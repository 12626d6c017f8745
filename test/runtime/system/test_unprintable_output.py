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

"""Commands print any path in any locale: what an encoding lacks is escaped."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from swiftnet_ros.errors import FileMissingError
from swiftnet_ros.system.process import exit_code

def command():
    print('é', '\\ud800', sys.argv[1])
    raise FileMissingError(sys.argv[1])

sys.exit(exit_code(command))
"""


@pytest.mark.parametrize(
    'locale', [{'LC_ALL': 'C'}, {'PYTHONIOENCODING': 'ascii'}, {'PYTHONIOENCODING': 'utf-8'}]
)
def test_text_that_an_encoding_lacks_is_escaped(locale):
    done = subprocess.run(
        [sys.executable, '-c', _SCRIPT, b'bytes\xff.onnx'],
        env={**os.environ, **locale},
        capture_output=True,
    )
    assert done.returncode == 1
    assert b'\\ud800' in done.stdout
    assert done.stderr == b'error: file not found: bytes\\udcff.onnx; check the path\n'
