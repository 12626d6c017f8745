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

"""TensorRT's error messages, kept for the one-line errors of this package."""

from typing import Any, List, Type, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import implement
from swiftnet_ros.text import one_line

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt


class ErrorLog:
    """The errors that TensorRT reported, the oldest first."""

    def __init__(self) -> None:
        """Start without errors."""
        self.errors: List[str] = []

    def reason(self, default: str) -> str:
        """
        Return the first and the last error on one line, or `default` if there is none.

        The first is closest to the cause, the last is its consequence.
        """
        ends = dict.fromkeys([*self.errors[:1], *self.errors[-1:]])
        return '; '.join(one_line(text) for text in ends) or default


def make_logger(trt: 'TensorRt', log: ErrorLog) -> 'tensorrt.ILogger':
    """Return a TensorRT logger; it has to outlive every object that was created with it."""
    logger: tensorrt.ILogger = implement(trt.ILogger, _Logger, log, trt.ILogger.Severity)
    return logger


def make_error_recorder(trt: 'TensorRt', log: ErrorLog) -> 'tensorrt.IErrorRecorder':
    """Return an error recorder for a runtime, an engine or an execution context."""
    recorder: tensorrt.IErrorRecorder = implement(trt.IErrorRecorder, _ErrorRecorder, log)
    return recorder


class _Logger:
    """An ILogger that keeps errors; other messages are for developers of TensorRT."""

    def __init__(self, log: ErrorLog, severities: 'Type[tensorrt.ILogger.Severity]') -> None:
        self._log = log
        self._kept = (severities.ERROR, severities.INTERNAL_ERROR)

    def log(self, severity: Any, msg: str) -> None:
        """Keep a message if it is an error."""
        if severity in self._kept:
            self._log.errors.append(msg)


class _ErrorRecorder:
    """An IErrorRecorder that keeps the errors of a running engine."""

    def __init__(self, log: ErrorLog) -> None:
        self._log = log

    def report_error(self, code: Any, description: str) -> bool:
        """Keep an error; return True, since the work cannot continue."""
        self._log.errors.append(description)
        return True

    def num_errors(self) -> int:
        """Return the number of errors."""
        return len(self._log.errors)

    def get_error_code(self, index: int) -> Any:
        """Return 0: the descriptions contain everything."""
        return 0

    def get_error_desc(self, index: int) -> str:
        """Return the description of an error."""
        return self._log.errors[index]

    def has_overflowed(self) -> bool:
        """Return False: every error is kept."""
        return False

    def clear(self) -> None:
        """Forget all errors."""
        self._log.errors.clear()
