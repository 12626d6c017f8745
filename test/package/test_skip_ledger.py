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

"""The plugin skip_ledger prints every skip and fails the run if one is not allowed."""

from helpers.skip_ledger import ALLOWED_SKIPS
import pytest

SKIPPING = """
    import pytest

    def test_that_runs():
        pass

    @pytest.mark.skip(reason='needs a camera on the desk')
    def test_that_is_skipped():
        pass

    @pytest.mark.xfail(reason='known')
    def test_that_is_expected_to_fail():
        assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester):
    """Return a function that runs a file of tests with a list of allowed reasons."""

    def run_with(tests: str, allowed: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(tests)
        pytester.path.joinpath('allowed.txt').write_text(allowed)
        pytester.makeconftest("pytest_plugins = ('helpers.skip_ledger',)")
        options = ('--allowed-skips', 'allowed.txt', *options)
        # Workers inherit the import path of the process, not what pytest added to it.
        started = (
            pytester.runpytest_subprocess if '-n' in options else pytester.runpytest_inprocess
        )
        return started(*options)

    return run_with


@pytest.mark.parametrize('allowed', ['needs a camera on the desk', '# a comment\n\nneeds a *\n'])
def test_allowed_skip_is_printed_and_the_run_succeeds(run, allowed):
    result = run(SKIPPING, allowed)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(['*::test_that_is_skipped: needs a camera on the desk'])
    result.stdout.no_fnmatch_line('*NOT ALLOWED*')


@pytest.mark.parametrize('allowed', ['', '# needs a camera on the desk', 'needs a camera', '#*'])
def test_skip_that_is_not_listed_fails_the_run(run, allowed):
    result = run(SKIPPING, allowed)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(['NOT ALLOWED by allowed.txt: needs a camera on the desk'])


def test_skipped_file_counts(run):
    result = run("import pytest\npytest.importorskip('no_such_module_anywhere')", '')
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["NOT ALLOWED*could not import 'no_such_module_anywhere'*"])


@pytest.mark.parametrize('allowed', ['*', ''])
def test_skip_seen_by_two_workers_counts_once(run, pytester, allowed):
    pytester.makepyfile(test_whole='import pytest\npytest.skip("whole", allow_module_level=True)')
    result = run(SKIPPING, allowed, '-n', '2')
    assert result.ret == (pytest.ExitCode.OK if allowed else pytest.ExitCode.TESTS_FAILED)
    skips = [line for line in result.outlines if line.startswith('test_')]
    assert sorted(skip.split(': ')[1] for skip in skips) == ['needs a camera on the desk', 'whole']


@pytest.mark.parametrize(
    ('options', 'code'),
    [
        ((), pytest.ExitCode.OK),
        ((f'--allowed-skips={ALLOWED_SKIPS[0]}',), pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_without_an_option_reasons_of_machines_without_ros_are_allowed(pytester, options, code):
    pytester.makepyfile("""
        import pytest

        def test_node():
            pytest.skip('rclpy is not installed')
    """)
    pytester.makeconftest("pytest_plugins = ('helpers.skip_ledger',)")
    assert pytester.runpytest_inprocess(*options).ret == code
