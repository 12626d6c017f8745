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

"""What every field of a model specification may hold."""

import json
from typing import Any, Callable, Dict, Tuple

MAX_ID = 65535
FITS = ('stretch',)
PRECISIONS = ('fp32', 'fp16', 'int8')
STRIDES = (1, 2, 4, 8, 16, 32)

Rule = Tuple[Callable[[Any], bool], str]


def is_text(value: Any) -> bool:
    """Tell whether a value is text that is not empty."""
    return isinstance(value, str) and bool(value.strip())


def is_whole(value: Any, low: int = 0, high: int = MAX_ID) -> bool:
    """Tell whether a value is a whole number of low to high; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_color(value: Any) -> bool:
    """Tell whether a value is a tuple of three whole numbers of 0 to 255."""
    return isinstance(value, tuple) and len(value) == 3 and all(is_whole(x, 0, 255) for x in value)


def _is_side(value: Any) -> bool:
    return is_whole(value, 8) and value % 8 == 0


def _are_classes(value: Any) -> bool:
    if not isinstance(value, tuple) or not 1 <= len(value) < MAX_ID:
        return False
    return len({getattr(item, 'name', None) for item in value} - {None}) == len(value)


def _are_ids(value: Any) -> bool:
    return isinstance(value, tuple) and all(is_whole(item) for item in value)


def _is_miou(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0.0 <= value <= 1.0)


def _are_widths(value: Any) -> bool:
    return isinstance(value, dict) and all(
        is_text(name) and is_whole(channels, 1) for name, channels in value.items()
    )


def _is_plain(value: Any) -> bool:
    """Tell whether a mapping survives JSON unchanged."""
    try:
        return value is None or (isinstance(value, dict) and json.loads(_dump(value)) == value)
    except (TypeError, ValueError):
        return False


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


RULES: Dict[str, Rule] = {
    'name': (is_text, 'text'),
    'classes': (_are_classes, 'classes of different names, 1 to 65534 of them'),
    'unlabeled_id': (is_whole, f'a whole number of 0 to {MAX_ID}'),
    'ignored_source_ids': (_are_ids, f'whole numbers of 0 to {MAX_ID}'),
    'input_height': (_is_side, 'a multiple of 8'),
    'input_width': (_is_side, 'a multiple of 8'),
    'output_stride': (lambda value: is_whole(value) and value in STRIDES, f'one of {STRIDES}'),
    'fit': (lambda value: value in FITS, "'stretch'"),
    'precision': (lambda value: value in PRECISIONS, f'one of {PRECISIONS}'),
    'trained_on': (is_text, 'text'),
    'miou': (_is_miou, 'null or a fraction of 0 to 1'),
    'widths': (_are_widths, 'layer names with a whole number of channels each'),
    'calibration': (_is_plain, 'null or a mapping that JSON can hold'),
}
