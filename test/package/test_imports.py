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

"""The packages import each other, and other libraries, only as .importlinter allows."""

import subprocess
import sys

from helpers.checkout import ROOT
import pytest

pytest.importorskip('importlinter', reason='import-linter comes with scripts/test.sh')


def test_imports_follow_the_contracts():
    command = [
        sys.executable,
        '-c',
        'from importlinter.cli import lint_imports_command; lint_imports_command()',
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
