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

"""Help ends with an example, and a shell with argcomplete completes arguments."""

import os
import subprocess
import sys

import pytest
from swiftnet_ros.system.command_line import ExampleParser

PROGRAM = """
import sys
from swiftnet_ros.system.command_line import ExampleParser
parser = ExampleParser('paint', 'Paint.', 'paint --color red')
parser.add_argument('--color', choices=['red', 'green', 'gray'])
print(parser.parse_args().color, 'argcomplete' in sys.modules)
"""


def run(tmp_path, words, line=None, code=PROGRAM):
    """Run a program; `line` is what the user has typed if the shell asks for completions."""
    environment = dict(os.environ)
    result = tmp_path / 'completions'
    if line is not None:
        environment.update(
            _ARGCOMPLETE='1',
            _ARGCOMPLETE_IFS='\n',
            _ARGCOMPLETE_STDOUT_FILENAME=str(result),
            COMP_LINE=line,
            COMP_POINT=str(len(line)),
        )
    command = [sys.executable, '-c', code, *words]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding='utf-8')
    return done, result.read_text().split() if result.exists() else None


def test_help_ends_with_the_example():
    parser = ExampleParser('paint', '\n    Paint.\n\n    With colors.\n    ', 'paint --color red')
    lines = parser.format_help().splitlines()
    assert lines[-2:] == ['example:', '  paint --color red']
    assert lines[2:5] == ['Paint.', '', 'With colors.']


def test_without_a_shell_that_asks_argcomplete_is_not_imported(tmp_path):
    done, _ = run(tmp_path, ['--color', 'gray'])
    assert done.stdout == 'gray False\n'


def test_shell_gets_options_and_choices(tmp_path):
    pytest.importorskip('argcomplete', reason='argcomplete is not installed')
    assert run(tmp_path, [], 'paint --c')[1] == ['--color']
    done, choices = run(tmp_path, [], 'paint --color g')
    assert (done.stdout, choices) == ('', ['green', 'gray'])


def test_without_argcomplete_the_program_runs(tmp_path):
    code = f"import sys; sys.modules['argcomplete'] = None\n{PROGRAM}"
    done, completions = run(tmp_path, ['--color', 'red'], 'paint --c', code)
    assert (done.stdout, completions) == ('red True\n', None)
