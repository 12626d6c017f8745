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

"""The content of a model file, as the runtime passes it on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, TYPE_CHECKING

from swiftnet_ros.model_spec.golden import Golden
from swiftnet_ros.model_spec.spec import ModelSpec

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, eq=False)
class ModelFile:
    """
    A model file that was read once: its facts, and its content for backends and builders.

    `size` is in bytes, `precision` is fp32, fp16, or int8 for a graph with Q/DQ pairs. Of an
    engine that was built elsewhere only the facts are known: it has no `graph` and no `content`.
    """

    path: Path
    sha256: str
    size: int
    spec: ModelSpec
    precision: str
    golden: Optional[Golden] = None
    content: bytes = field(default=b'', repr=False)
    graph: 'Optional[onnx.ModelProto]' = field(default=None, repr=False)
