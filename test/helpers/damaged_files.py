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

"""The kinds of files that the runtime reads, with generators of damaged ones."""

import json
from pathlib import Path
from random import Random
from typing import List

from helpers.damage import damaged, FileKind, odd_json, odd_yaml
from helpers.tiny_model import make_spec, write_golden_model
import onnx
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar, Sidecar
from swiftnet_ros.backends.tensorrt.identity import EngineIdentity
from swiftnet_ros.model_spec import read_golden, read_model, read_model_file, read_spec
from swiftnet_ros.model_spec.__main__ import read_classes

CLASSES = {'classes': [{'name': 'floor', 'rgb': [1, 2, 3]}, {'name': 'wall', 'rgb': [4, 5, 6]}]}
IDENTITY = EngineIdentity('tensorrt', '8.5', 'Xavier', '7.2', 'int8', None, (), '0' * 64, None)


def runtime_kinds(folder: Path) -> List[FileKind]:
    """Return the kinds of files; valid ones are written to a folder first."""
    model = write_golden_model(folder / 'tiny.onnx')
    content = model.read_bytes()
    golden = json.loads(read_golden(model).to_json())
    golden['min_agreement'] = {'fp32': 0.99, 'int8': 0.97}
    sidecar = json.loads(
        Sidecar(IDENTITY, make_spec(), None, '0' * 64, 1.0, {'conv': 'int8'}, (), 0, '1').to_json()
    )

    def with_text(key: str, text: bytes) -> bytes:
        changed = onnx.load_model_from_string(content)
        for entry in changed.metadata_props:
            if entry.key == key:
                entry.value = text.decode(errors='replace')
        return changed.SerializeToString()

    def spec(random: Random) -> bytes:
        tree = json.loads(make_spec().to_json())
        return with_text('swiftnet_ros.model_spec', odd_json(tree, random))

    def golden_frame(random: Random) -> bytes:
        return with_text('swiftnet_ros.golden', odd_json(golden, random))

    return [
        FileKind('model', 'odd.onnx', lambda random: damaged(content, random), read_model_file),
        FileKind('foreign model', 'odd.onnx', lambda random: damaged(content, random), read_model),
        FileKind('network', 'odd.onnx', lambda random: damaged(content, random), _open),
        FileKind('specification', 'odd.onnx', spec, read_spec),
        FileKind('golden frame', 'odd.onnx', golden_frame, read_golden),
        FileKind('classes', 'odd.yaml', lambda random: odd_yaml(CLASSES, random), read_classes),
        FileKind(
            'sidecar', 'built.engine.json', lambda random: odd_json(sidecar, random), _read_sidecar
        ),
    ]


def _read_sidecar(path: Path) -> None:
    engine = path.with_suffix('')
    engine.write_bytes(b'an engine')
    engine.chmod(0o600)
    read_sidecar(engine)


def _open(path: Path) -> None:
    open_backend(path, 'openvino', threads=1).close()
