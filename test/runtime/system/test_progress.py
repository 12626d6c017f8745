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

"""Progress bars are on terminals only, and never on stdout."""

import io
import sys

import pytest
from swiftnet_ros.system.progress import open_bar, print_above, progress, warn_above


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Return True."""
        return True


def open_terminal(monkeypatch):
    """Let stderr be a terminal, whose text is returned by `getvalue`."""
    stream = Terminal()
    monkeypatch.setattr(sys, 'stderr', stream)
    return stream


def test_items_pass_without_a_bar_where_stderr_is_no_terminal(capsys):
    assert list(progress(iter('abc'), 'letters', 3)) == ['a', 'b', 'c']
    bar = open_bar('steps', 5, 2)
    bar.update()
    bar.set_postfix(loss='0.1')
    bar.close()
    assert tuple(capsys.readouterr()) == ('', '')


def test_items_pass_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', None)
    assert list(progress([1, 2], 'numbers')) == [1, 2]


def test_items_pass_without_tqdm(monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, 'tqdm', None)
    assert list(progress([1, 2], 'numbers')) == [1, 2]
    open_bar('steps', 5).close()
    warn_above('careful')
    assert terminal.getvalue() == 'warning: careful\n'


def test_bar_on_a_terminal_counts_and_leaves_stdout_alone(monkeypatch, capsys):
    terminal = open_terminal(monkeypatch)
    pytest.importorskip('tqdm', reason='tqdm is not installed')
    assert list(progress(iter('abc'), 'letters', 3)) == ['a', 'b', 'c']
    bar = open_bar('steps', 5, 2)
    bar.update()
    bar.close()
    text = terminal.getvalue()
    assert 'letters: 100%' in text and '3/3' in text
    assert 'steps:  60%' in text and '3/5' in text
    assert not capsys.readouterr().out


def test_line_is_above_an_open_bar(monkeypatch):
    terminal = open_terminal(monkeypatch)
    pytest.importorskip('tqdm', reason='tqdm is not installed')
    for _ in progress(range(1), 'numbers'):
        print_above('a line')
    lines = terminal.getvalue().splitlines()
    assert 'a line' in [line.rpartition('\r')[2].strip() for line in lines]
