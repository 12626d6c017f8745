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

"""TensorRT's log: kept, so that an error can say in one line what TensorRT said."""

from typing import Any, List, Type, TYPE_CHECKING

from swiftnet_ros.backends.tensorrt.api import derive
from swiftnet_ros.errors import one_line

if TYPE_CHECKING:
    from swiftnet_ros.backends.tensorrt.api import TensorRt, tensorrt


class Messages:
    """What TensorRT reported as an error."""

    def __init__(self) -> None:
        """Begin without any."""
        self.errors: List[str] = []

    def reason(self, otherwise: str) -> str:
        """
        Give the first and the last error on one line, or another text where there is none.

        The first is nearest to the cause, the last says what came of it.
        """
        ends = dict.fromkeys([*self.errors[:1], *self.errors[-1:]])
        return '; '.join(one_line(text) for text in ends) or otherwise


class _Logger:
    """Keeps errors; the rest is for developers of TensorRT."""

    def __init__(self, messages: Messages, severities: 'Type[tensorrt.ILogger.Severity]') -> None:
        self._messages = messages
        self._kept = (severities.ERROR, severities.INTERNAL_ERROR)

    def log(self, severity: Any, msg: str) -> None:
        """Take one line; TensorRT calls this."""
        if severity in self._kept:
            self._messages.errors.append(msg)


class _Recorder:
    """Keeps what fails while an engine runs."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def report_error(self, code: Any, description: str) -> bool:
        """Take one error; what is returned says that the work cannot go on."""
        self._messages.errors.append(description)
        return True

    def num_errors(self) -> int:
        """Count what was kept."""
        return len(self._messages.errors)

    def get_error_code(self, index: int) -> Any:
        """Give no code of its own: the descriptions say everything."""
        return 0

    def get_error_desc(self, index: int) -> str:
        """Give one error."""
        return self._messages.errors[index]

    def has_overflowed(self) -> bool:
        """Say that nothing was left out."""
        return False

    def clear(self) -> None:
        """Forget everything."""
        self._messages.errors.clear()


def make_recorder(trt: 'TensorRt', messages: Messages) -> 'tensorrt.IErrorRecorder':
    """Make the recorder of errors for a runtime, an engine or its context."""
    recorder: tensorrt.IErrorRecorder = derive(trt.IErrorRecorder, _Recorder, messages)
    return recorder


def make_logger(trt: 'TensorRt', messages: Messages) -> 'tensorrt.ILogger':
    """Make the logger that TensorRT wants; it has to live as long as what was made with it."""
    logger: tensorrt.ILogger = derive(trt.ILogger, _Logger, messages, trt.ILogger.Severity)
    return logger
