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

"""A robot that runs a built engine needs no onnx; an ONNX file names it and how to install it."""

import os
from pathlib import Path
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.cpu_kernels import compiler, NO_COMPILER
from helpers.fake_machine import FakeMachine
from helpers.tiny_model import write_golden_model
import pytest
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.model_spec import read_model_file

# Runs where the fakes have onnx, and this package does not.
PROGRAM = """
import sys
from pytest import MonkeyPatch
from helpers.fake_machine import FakeMachine

FakeMachine(MonkeyPatch())
for name in [name for name in sys.modules if name.partition('.')[0] == 'onnx'] + ['onnx']:
    sys.modules[name] = None

import numpy as np
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.serving.model_loader import load_model

model = load_model(sys.argv[1], BackendOptions(engine='tensorrt'))
labels = model.segmenter.segment(np.full((48, 64, 3), (250, 10, 10), np.uint8)).labels
print(model.spec.name, model.agreement, np.bincount(labels.ravel()).argmax())
model.close()
try:
    load_model(sys.argv[2], BackendOptions(engine='openvino'))
except SwiftnetError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def golden_path(tmp_path):
    """Return the path of a tiny model with a golden frame."""
    return write_golden_model(tmp_path / 'tiny.fp32.onnx')


@pytest.fixture
def engine(monkeypatch, golden_path, tmp_path):
    """Return the engine of a tiny model with a golden frame, built by a fake of TensorRT."""
    if not compiler():
        pytest.skip(NO_COMPILER)
    FakeMachine(monkeypatch)
    options = BackendOptions(engine_cache=str(tmp_path / 'cache'), precision='fp32')
    return find_or_build(read_model_file(golden_path), options, lambda progress: None)


def test_an_engine_runs_without_onnx_and_a_model_file_names_it(engine: Path, golden_path: Path):
    words = [sys.executable, '-c', PROGRAM, str(engine), str(golden_path)]
    own = {**os.environ, 'PYTHONPATH': f'{ROOT}:{ROOT / "test"}'}
    done = subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs, fails = done.stdout.splitlines()
    assert runs == 'tiny 1.0 0'
    assert fails.startswith(f'OnnxMissingError cannot use model {golden_path}: the Python module')
    assert fails.endswith("pip install 'onnx>=1.14,<2', or use an .engine file of build_engine")
