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

"""Let a signal that would end the process at once be an exception, so that things are put away."""

from contextlib import contextmanager
import signal
import sys
import threading
from types import FrameType
from typing import Iterator, Optional

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_is_an_exception() -> Iterator[None]:
    """Let a signal raise SystemExit meanwhile, where it would end the process at once."""
    sudden = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        sudden = []
    for number in sudden:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in sudden:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)
