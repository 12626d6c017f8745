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

"""The timing cache: what TensorRT measured once it need not measure again."""

import contextlib
from pathlib import Path
from typing import Optional, TYPE_CHECKING

from swiftnet_ros.system.files import write_whole

if TYPE_CHECKING:
    from swiftnet_ros.trt.module_type import tensorrt


def use_timings(
    config: 'tensorrt.IBuilderConfig', path: Optional[Path]
) -> 'Optional[tensorrt.ITimingCache]':
    """Give TensorRT the timings of a file; a file of another TensorRT or GPU counts as none."""
    if path is None or not hasattr(config, 'create_timing_cache'):
        return None
    for content in ([path.read_bytes()] if path.is_file() else []) + [b'']:
        cache = config.create_timing_cache(content)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None


def keep_timings(cache: 'Optional[tensorrt.ITimingCache]', path: Optional[Path]) -> None:
    """Write the timings; a disk that refuses them is no error, the engine counts."""
    if cache is None or path is None:
        return
    with contextlib.suppress(OSError):
        write_whole(path, bytes(cache.serialize()))
