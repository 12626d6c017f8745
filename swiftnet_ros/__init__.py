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
Real-time semantic segmentation of camera images with a pruned, quantized SwiftNet.

    from swiftnet_ros import open_model

    with open_model('indoor') as segmenter:
        result = segmenter.segment(rgb)

The names below are imported when they are first used: neither ROS nor a backend is needed before.
"""

from typing import Any, List, TYPE_CHECKING

if TYPE_CHECKING:
    from swiftnet_ros.core.labels import Segmentation
    from swiftnet_ros.errors import SwiftnetError
    from swiftnet_ros.segmenter import open_model, Segmenter

__all__ = ['Segmentation', 'Segmenter', 'SwiftnetError', '__version__', 'open_model']
# Also in package.xml and CITATION.cff; setup.py reads it from here.
__version__ = '0.2.0'

_MODULES = {
    'Segmentation': 'swiftnet_ros.core.labels',
    'Segmenter': 'swiftnet_ros.segmenter',
    'SwiftnetError': 'swiftnet_ros.errors',
    'open_model': 'swiftnet_ros.segmenter',
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    """Return the public names, whether they were imported yet or not."""
    return sorted({*globals(), *__all__})
