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

# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it completes a command.
"""The commands of training: python -m training COMMAND ..."""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('training.__main__')


from argparse import ArgumentParser
from collections.abc import Sequence
import os
import sys

from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.system.command_line import complete, COMPLETING
from swiftnet_ros.system.process import exit_code, print_warning
from swiftnet_ros.system.program import import_in_command

# command -> module of training/commands with `main(arguments) -> int`, imported when called
COMMANDS = {
    name: f'training.commands.{name}'
    for name in (
        'train', 'lottery', 'report', 'export', 'quantize', 'fp16', 'finetune_int8', 'evaluate',
        'visualize', 'pseudo_label', 'average', 'count', 'render', 'prune', 'bench', 'calibration',
        'card',
    )
}  # fmt: skip
# former name -> name; accepted in this version only
ALIASES = {'half': 'fp16', 'sheet': 'visualize'}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; a user's mistake prints one line and exits with code 1."""
    if COMPLETING in os.environ:
        complete(_parser_of_all())
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ('-h', '--help'):
        print(f'usage: python -m training {{{",".join(COMMANDS)}}} ...   (each has --help)')
        return 0 if words else 2
    return exit_code(lambda: _run(words[0], words[1:]))


def _parser_of_all() -> ArgumentParser:
    """Return a parser of all commands; only the one whose option is typed has its arguments."""
    line = os.environ.get('COMP_LINE', '')[: int(os.environ.get('COMP_POINT', '0'))]
    parser = ArgumentParser('python -m training', add_help=False)
    commands = parser.add_subparsers()
    is_option = line.rpartition(' ')[2].startswith('-')
    for name in COMMANDS:
        commands.add_parser(name, add_help=False)
        # Importing it takes seconds; where there are no completions the shell completes paths.
        if is_option and f' {name} ' in line:
            commands.choices[name] = import_in_command(COMMANDS[name]).make_parser()
    return parser


def _run(command: str, arguments: list[str]) -> int:
    if command in ALIASES:
        former, command = command, ALIASES[command]
        print_warning(f'{former} is now called {command}')
    if command not in COMMANDS:
        raise UnknownNameError('command', command, COMMANDS)
    return int(import_in_command(COMMANDS[command]).main(arguments))
