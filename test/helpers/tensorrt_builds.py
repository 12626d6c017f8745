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

"""Builds with the stub of TensorRT, on a machine with a fake GPU."""

import json
from pathlib import Path
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, Tuple

from helpers.tensorrt_stub import make_stub, names_of, VERSIONS
from helpers.tiny_pair import write_files
import pytest
from swiftnet_ros import build_engine
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt import identity
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar
from swiftnet_ros.model_spec import ModelFile, read_model_file

STRONGLY_TYPED = [
    name for name in VERSIONS if 'FP16' not in names_of(name)['enums']['BuilderFlag']
]
WEAKLY_TYPED = [name for name in VERSIONS if name not in STRONGLY_TYPED]
XAVIER = Gpu('Xavier', '7.2')
_CACHE = 'TRT-8502-EntropyCalibration2\n'
_NO_CACHES = ['text', f'{_CACHE}a: 7f800000', f'{_CACHE}a: 3c010a1400', f'{_CACHE}a']
_NO_RANGES = ['{', '{"x": 1}', '[' * 100_000, '{"a": [2, -2]}', '{"a": [-1e999, 1e999]}']
# The name and content of files that are no calibration tables.
NO_TABLES = [
    *(('a.calibration', text) for text in _NO_CACHES),
    *(('a.json', text) for text in _NO_RANGES),
]

InstallTensorRt = Callable[..., ModuleType]


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallTensorRt]:
    """Return a function that installs the stub of a version and a fake GPU."""

    def install(version: str, gpu: Gpu = XAVIER) -> ModuleType:
        module = make_stub(version)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(identity, 'find_gpu', lambda backend: gpu)
        return module

    yield install


@pytest.fixture
def files(tmp_path) -> Path:
    """Write a model in all precisions and return the FP32 file."""
    return write_files(tmp_path)


@pytest.fixture
def run(capsys, files):
    """Return a function that runs build_engine: (exit code, stdout, stderr)."""

    def command(*words, model=files):
        given = [str(model), '--cache', str(files.parent / 'cache'), *map(str, words)]
        code = build_engine.main(given)
        return (code, *capsys.readouterr())

    return command


@pytest.fixture
def error_line(run):
    """Return a function that runs build_engine, which must fail, and returns its error line."""

    def command(*words, **options):
        code, out, error = run(*words, **options)
        last = error.splitlines()[-1]
        assert (code, out, error.count('error:')) == (1, '', 1)
        assert last.startswith('error: ')
        return last

    return command


def request(module: ModuleType, path: Path, **changes: Any) -> Tuple[ModelFile, BackendOptions]:
    """Return the arguments of `find_or_build` for a file and a cache next to it."""
    options = {'engine_cache': path.parent / 'cache', 'module': module.__name__, **changes}
    given = {name: value for name, value in options.items() if value is not None}
    texts = {name: str(v) if isinstance(v, Path) else v for name, v in given.items()}
    return read_model_file(path), BackendOptions(**texts)


def build(module: ModuleType, path: Path, **options: Any) -> Dict[str, Any]:
    """Build a file and return everything that TensorRT was configured with."""
    engine = find_or_build(*request(module, path, **options), lambda progress: None)
    return {**json.loads(engine.read_bytes()), 'sidecar': read_sidecar(engine)}


def sibling(path: Path, ending: str) -> Path:
    """Return another file of the same model."""
    return path.with_name(f'tiny.{ending}')
