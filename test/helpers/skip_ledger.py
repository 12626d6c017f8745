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
A pytest plugin that prints every skipped test and fails the run if a reason is not allowed.

`test/allowed_skips.txt` lists the allowed reasons, one a line, with `*` for any text; a line that
starts with # is a comment. `test/allowed_skips_without_ros.txt` lists those of machines without a
ROS installation; `--allowed-skips test/allowed_skips.txt` fails the run for them too.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Iterator, List, Tuple, Union

from _pytest.terminal import TerminalReporter
import pytest

_TEST = Path(__file__).parents[1]
ALLOWED_SKIPS = (_TEST / 'allowed_skips.txt', _TEST / 'allowed_skips_without_ros.txt')


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--allowed-skips`."""
    help_text = 'list of reasons, in place of the two in test/'
    parser.addoption('--allowed-skips', type=Path, nargs=1, default=ALLOWED_SKIPS, help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Register the ledger of this run."""
    config.pluginmanager.register(_Ledger(config), 'skip_ledger_of_this_run')


class _Ledger:
    """Collects skips while the tests run and checks their reasons at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._found: List[Tuple[str, str]] = []

    def note(self, test: str, reason: str) -> None:
        """Add a test, a file or a folder that is skipped."""
        self._found.append((test, reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a skipped test; an expected failure is none."""
        if report.skipped and not hasattr(report, 'wasxfail'):
            self.note(report.nodeid, _reason(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Add a file that is skipped as a whole."""
        if report.skipped:
            self.note(report.nodeid, _reason(report))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Merge the skips of a pytest-xdist worker; only workers see files and folders."""
        skips = map(tuple, getattr(node, 'workeroutput', {}).get('skips', []))
        self._found += [skip for skip in skips if skip not in self._found]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run if a reason is not on the list; a worker passes its skips on."""
        if hasattr(self._config, 'workeroutput'):
            self._config.workeroutput['skips'] = [list(skip) for skip in self._found]
            return
        successes = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if session.exitstatus in successes and self._not_allowed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print every skip."""
        if not self._found:
            return
        terminalreporter.section('skipped')
        for test, reason in self._found:
            terminalreporter.line(f'{test}: {reason}')
        for reason in self._not_allowed():
            names = ', '.join(path.name for path in self._config.getoption('allowed_skips'))
            terminalreporter.line(f'NOT ALLOWED by {names}: {reason}', red=True)

    def _not_allowed(self) -> List[str]:
        paths = self._config.getoption('allowed_skips')
        allowed = [pattern for path in paths for pattern in _allowed(path)]
        reasons = sorted({reason for _, reason in self._found})
        return [
            reason
            for reason in reasons
            if not any(fnmatchcase(reason, pattern) for pattern in allowed)
        ]


def _reason(report: Union[pytest.TestReport, pytest.CollectReport]) -> str:
    """Return the reason on one line, without the prefix of pytest."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return ' '.join(str(text).replace('Skipped: ', '', 1).split())


def _allowed(path: Path) -> Iterator[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    for line in lines:
        if line.strip() and not line.lstrip().startswith('#'):
            yield line.strip()
