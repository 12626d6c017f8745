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
Progress bars of everything that may take more than some seconds, by tqdm.

They go to stderr, so that stdout has results only. There is no bar where stderr is no terminal,
as in a log file, nor without tqdm, which the runtime does not require.
"""

import sys
from typing import Any, Iterable, Optional, TypeVar

T = TypeVar('T')


def shows_bars() -> bool:
    """Return whether there may be bars: whether stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def progress(items: Iterable[T], what: str, total: Optional[int] = None) -> Iterable[T]:
    """Return the items to iterate over with a bar; `total` is needed if they have no length."""
    tqdm = _tqdm()
    return items if tqdm is None else tqdm(items, what, total, dynamic_ncols=True)


def open_bar(what: str, total: int, initial: int = 0) -> Any:
    """Return a bar with the methods `update`, `set_postfix` and `close` of tqdm."""
    tqdm = _tqdm()
    if tqdm is None:
        return _NoBar()
    return tqdm(desc=what, total=total, initial=initial, dynamic_ncols=True)


def print_above(text: str) -> None:
    """Print a line to stderr, above the bars that are shown."""
    tqdm = _tqdm()
    if tqdm is None:
        print(text, file=sys.stderr)
    else:
        tqdm.write(text, file=sys.stderr)


def warn_above(text: str) -> None:
    """Print a warning to stderr, above the bars that are shown."""
    print_above(f'warning: {text}')


class _NoBar:
    """Takes the place of a bar that is not shown."""

    def update(self, count: int = 1) -> None:
        """Do nothing."""

    def set_postfix(self, **values: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _tqdm() -> Any:
    """Return the class of bars, None if there are to be none; imported where it is needed."""
    if not shows_bars():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
