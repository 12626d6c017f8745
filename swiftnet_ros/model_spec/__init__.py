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
The contract between training and robot: model specifications in ONNX files.

The names below are imported when they are first used, so that the command
`python -m swiftnet_ros.model_spec` handles signals before its imports.
"""

from importlib import import_module
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from swiftnet_ros.model_spec.golden import Golden
    from swiftnet_ros.model_spec.model_file import ModelFile
    from swiftnet_ros.model_spec.onnx_file import (
        read_golden,
        read_model,
        read_spec,
        write_model,
    )
    from swiftnet_ros.model_spec.read_file import read_model_file
    from swiftnet_ros.model_spec.spec import (
        ModelSpec,
        SemanticClass,
        SPEC_VERSION,
        unlabeled_id_for,
    )

__all__ = [
    'SPEC_VERSION',
    'Golden',
    'ModelFile',
    'ModelSpec',
    'SemanticClass',
    'read_golden',
    'read_model',
    'read_model_file',
    'read_spec',
    'unlabeled_id_for',
    'write_model',
]

_MODULES = {
    'Golden': 'golden',
    'ModelFile': 'model_file',
    'ModelSpec': 'spec',
    'SPEC_VERSION': 'spec',
    'SemanticClass': 'spec',
    'read_model_file': 'read_file',
    'unlabeled_id_for': 'spec',
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_MODULES.get(name, "onnx_file")}'), name)
    globals()[name] = value
    return value
