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

"""The one writer of JSON: standard JSON has no NaN and no infinity."""

import json
from math import isfinite
from typing import Any, Iterator, Optional, Tuple

from swiftnet_ros.errors import NonFiniteValueError

_REMEDY = 'nothing is written, as JSON has no such number; check what it was computed from'


def to_json(value: Any, indent: Optional[int] = None, sort_keys: bool = False) -> str:
    """Return a value as JSON; raise NonFiniteValueError, with its keys, for NaN or infinity."""
    try:
        return json.dumps(value, indent=indent, sort_keys=sort_keys, allow_nan=False)
    except ValueError as error:
        for keys, number in not_finite(value):
            raise NonFiniteValueError(f'{".".join(keys)} of a result', number, _REMEDY) from error
        raise


def not_finite(value: Any, keys: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], float]]:
    """Yield the keys and the value of each NaN or infinite number in nested containers."""
    if isinstance(value, float):
        if not isfinite(value):
            yield keys, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from not_finite(item, (*keys, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from not_finite(item, (*keys, str(index)))
