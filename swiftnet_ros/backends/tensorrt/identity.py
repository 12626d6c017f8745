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

"""The identity of an engine, which is its cache key: everything that it was built from and for."""

from dataclasses import asdict, dataclass, fields
import hashlib
from typing import Any, Dict, List, Optional, Tuple

from swiftnet_ros.backends.cuda.driver import find_gpu
from swiftnet_ros.backends.tensorrt.api import tensorrt_module
from swiftnet_ros.errors import listing
from swiftnet_ros.system.json_text import to_json

# The names of the fields in messages, in their order.
_NAMES = {
    'module': 'TensorRT module',
    'tensorrt_version': 'TensorRT',
    'gpu_name': 'GPU',
    'compute_capability': 'compute capability',
    'precision': 'precision',
    'dla': 'DLA core',
    'flags': 'builder configuration',
    'model_sha256': 'model',
    'calibration_sha256': 'calibration',
}
# The GPU of an engine that was built without one, for a compute capability.
ANY_GPU = 'any'


@dataclass(frozen=True)
class Machine:
    """A TensorRT version and its target GPU."""

    module: str
    tensorrt_version: str
    gpu_name: str
    compute_capability: str


@dataclass(frozen=True)
class EngineIdentity:
    """Everything that an engine depends on; `precision` is fp32, fp16 or int8."""

    module: str
    tensorrt_version: str
    gpu_name: str
    compute_capability: str
    precision: str
    dla: Optional[int]
    flags: Tuple[str, ...]
    model_sha256: str
    calibration_sha256: Optional[str]

    @property
    def key(self) -> str:
        """Return the SHA-256 of all fields, in hex."""
        return hashlib.sha256(to_json(asdict(self), sort_keys=True).encode()).hexdigest()

    def differences(self, other: 'EngineIdentity') -> List[str]:
        """List the fields that differ from the required identity."""
        return _differences(self, other, list(_NAMES))

    def machine_differences(self, machine: Machine) -> List[str]:
        """List the fields that keep this engine from running on a machine."""
        names = [field.name for field in fields(Machine)]
        if self.gpu_name == ANY_GPU:
            names.remove('gpu_name')
        return _differences(self, machine, names)

    def to_tree(self) -> Dict[str, Any]:
        """Return the fields as JSON types."""
        return {**asdict(self), 'flags': list(self.flags)}

    @classmethod
    def from_tree(cls, tree: Dict[str, Any]) -> 'EngineIdentity':
        """Return the identity from `to_tree`; raise KeyError or TypeError for another tree."""
        texts = [value for key, value in tree.items() if key not in ('dla', 'flags')]
        if not all(isinstance(item, (str, type(None))) for item in (*texts, *tree['flags'])):
            raise TypeError('a fact of the identity is not text')
        return cls(**{**tree, 'flags': tuple(tree['flags'])})


def this_machine(module: str = 'tensorrt', compute_capability: str = '') -> Machine:
    """Return the TensorRT version and GPU of this machine; no GPU for a compute capability."""
    version = str(tensorrt_module(module).__version__)
    if compute_capability:
        return Machine(module, version, ANY_GPU, compute_capability)
    gpu = find_gpu(module)
    return Machine(module, version, gpu.name, gpu.compute_capability)


def _differences(built: EngineIdentity, here: Any, names: List[str]) -> List[str]:
    pairs = [(name, getattr(here, name), getattr(built, name)) for name in names]
    return [
        f'{_NAMES[name]} is {_shown(now)}, the engine was built for {_shown(then)}'
        for name, now, then in pairs
        if now != then
    ]


def _shown(value: object) -> str:
    if value is None or value == ():
        return 'none'
    # The beginning of a hash is enough.
    return listing(value) if isinstance(value, tuple) else str(value)[:40]
