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


"""The record of a pair's fastest engine on this machine, as `build_engine` measured it."""

from dataclasses import asdict
import hashlib
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from swiftnet_ros.backends.engine_build import EngineFile
from swiftnet_ros.backends.options import AUTO, BackendOptions, to_arguments
from swiftnet_ros.backends.tensorrt.engine_file import load
from swiftnet_ros.backends.tensorrt.identity import this_machine
from swiftnet_ros.errors import EngineFileError, InvalidTextError
from swiftnet_ros.model_spec import ModelFile
from swiftnet_ros.model_spec.find_model import model_name
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.json_reader import parse_json
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.private_files import read_private_file

# Options other than precision that change an engine.
_OPTIONS = ('calibration', 'calibrator', 'dla', 'workspace_mb', 'obey_precision')
_MAX_BYTES = 1 << 20
_SUFFIX = '.fastest.json'


def write_fastest(
    folder: Path,
    model: ModelFile,
    options: BackendOptions,
    engine: Path,
    measured: Sequence[Dict[str, Any]],
) -> Path:
    """Write which engine in a folder is the fastest of a model, and what all were measured at."""
    _, sidecar = load(engine)
    tree = {
        'engine': engine.name,
        'model_sha256': sidecar.identity.model_sha256,
        'measured': list(measured),
    }
    path = _record(folder, model, options)
    write_atomic(path, to_json(tree, indent=1) + '\n', private=True)
    return path


def fastest_engine(
    folder: Path, model: ModelFile, options: BackendOptions
) -> Optional[EngineFile]:
    """
    Return the engine in a folder that was measured to be the fastest of a model, if there is one.

    That is for precision auto only. The file that it was built from must still be there.
    """
    if options.precision != AUTO:
        return None
    try:
        content = read_private_file(_record(folder, model, options), _MAX_BYTES)
        tree: Any = parse_json(content, 'the record of the fastest engine')
        path = folder / Path(str(tree['engine'])).name
        _, sidecar = load(path)
    except (OSError, InvalidTextError, EngineFileError, KeyError, TypeError):
        # It is as good as not measured.
        return None
    files = {model.path, *model.path.parent.glob(f'{model_name(model.path)}.*.onnx')}
    found = {hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}
    wanted = sidecar.identity.model_sha256
    if wanted != tree.get('model_sha256') or wanted not in found:
        return None
    return EngineFile(path, is_built=True, source_sha256=wanted)


def _record(folder: Path, model: ModelFile, options: BackendOptions) -> Path:
    """Return the path of the record: another machine, model or option has another one."""
    machine = asdict(this_machine(options.module, options.compute_capability))
    facts = [machine, model.sha256, to_arguments(options, *_OPTIONS)]
    key = hashlib.sha256(to_json(facts).encode()).hexdigest()
    return folder / f'{model_name(model.path)}.{key[:16]}{_SUFFIX}'
