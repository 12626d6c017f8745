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

"""Python functions that act like C functions: their tracebacks keep no local variables alive."""

from traceback import clear_frames
from types import FunctionType
from typing import Any, Callable


def as_c_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose exceptions hold no references to its local variables."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except BaseException as error:
            clear_frames(error.__traceback__.tb_next)
            del arguments, named
            raise

    return call


def with_c_methods(kind: Any) -> Any:
    """Wrap all public methods of a class in `as_c_function` and return the class."""
    for name, value in list(vars(kind).items()):
        if isinstance(value, FunctionType) and not name.startswith('_'):
            setattr(kind, name, as_c_function(value))
    return kind
