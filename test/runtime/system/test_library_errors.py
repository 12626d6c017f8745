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

import pytest
from swiftnet_ros.errors import InvalidValueError, SwiftnetError
from swiftnet_ros.system.library_errors import lacks_memory, library_errors


class QuotedError(SwiftnetError):
    """What a boundary makes of an exception."""


@pytest.mark.parametrize(
    ('error', 'text'),
    [
        (RuntimeError('two\n  lines'), 'two lines'),
        (MemoryError(), 'not enough memory'),
        (KeyError('x'), "KeyError: 'x'"),
        (AssertionError(), 'AssertionError'),
        (UnicodeDecodeError('utf-8', b'\xff', 0, 1, 'bad'), "can't decode byte 0xff"),
        (ValueError('x' * 5000), 'x' * 140),
    ],
)
def test_exception_becomes_the_given_error_and_stays_its_cause(error, text):
    with pytest.raises(QuotedError) as raised, library_errors(QuotedError):
        raise error
    assert text in str(raised.value)
    assert len(str(raised.value)) <= 320
    assert raised.value.__cause__ is error


def test_error_for_users_passes():
    with pytest.raises(InvalidValueError, match='a is 1'), library_errors(QuotedError):
        raise InvalidValueError('a', 1, '2')


def test_interrupt_passes():
    with pytest.raises(KeyboardInterrupt), library_errors(QuotedError):
        raise KeyboardInterrupt


class OpenCvError(Exception):
    """An error as OpenCV raises it, with its number."""

    code = -4


def test_lack_of_memory_is_found_behind_another_error():
    error = RuntimeError('cannot infer')
    assert not lacks_memory(error)
    error.__cause__ = MemoryError()
    assert lacks_memory(error) and lacks_memory(OpenCvError('allocation'))
    assert lacks_memory(ImportError('libx.so: failed to map segment from shared object'))
