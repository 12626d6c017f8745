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

"""What a model file says of itself, be it ONNX or an engine that was built from one."""

from pathlib import Path
from typing import Optional

from swiftnet_ros.engine_cache import read_sidecar, SUFFIX
from swiftnet_ros.model_spec import Golden, ModelSpec, read_golden, read_spec


def spec_of(path: Path) -> ModelSpec:
    """Give the specification of an ONNX file, or of an engine from its sidecar."""
    return read_sidecar(path).spec if path.suffix == SUFFIX else read_spec(path)


def golden_of(path: Path) -> Optional[Golden]:
    """Give the golden frame, None where there is none; an engine has that of its model."""
    if path.suffix != SUFFIX:
        return read_golden(path)
    text = read_sidecar(path).golden
    return None if text is None else Golden.from_json(text)
