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
Let this process keep memory that it frees, for the next image.

glibc gives memory of the size of an image back to the system when it is freed, and the system
clears each page of it anew for the next image: several milliseconds for each one of a camera.
"""

import ctypes
import os

# malloc.h: parameter of mallopt, environment variable, tunable, bytes. Blocks of up to 32 MiB, the
# most that glibc allows, come from the heap, which keeps as much free memory at its end.
_SETTINGS = (
    (-3, 'MALLOC_MMAP_THRESHOLD_', 'glibc.malloc.mmap_threshold', 2**25),
    (-1, 'MALLOC_TRIM_THRESHOLD_', 'glibc.malloc.trim_threshold', 2**28),
)


def keep_freed_memory() -> None:
    """
    Keep freed memory, unless the user sets otherwise in the environment.

    To be called before anything large is allocated. Does nothing where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return
    tunables = os.environ.get('GLIBC_TUNABLES', '')
    for parameter, variable, tunable, size in _SETTINGS:
        if variable not in os.environ and tunable not in tunables:
            mallopt(parameter, size)
