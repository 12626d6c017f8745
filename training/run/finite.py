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

"""Find tensors and numbers that are NaN or infinite, as a training that diverged leaves them."""

from collections.abc import Mapping
import math
from typing import Any

from torch import Tensor


def first_not_finite(tree: Any, name: str = '') -> str | None:
    """
    Return the name of the first tensor or number that is not finite, None without one.

    `tree` is nested mappings and sequences, whose keys are joined to names by dots.
    """
    if isinstance(tree, Tensor):
        is_sound = not tree.is_floating_point() or bool(tree.isfinite().all())
        return None if is_sound else name
    if isinstance(tree, float):
        return None if math.isfinite(tree) else name
    if isinstance(tree, Mapping):
        items = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        items = list(enumerate(tree))
    else:
        return None
    found = (first_not_finite(item, f'{name}.{key}' if name else str(key)) for key, item in items)
    return next((item for item in found if item is not None), None)
