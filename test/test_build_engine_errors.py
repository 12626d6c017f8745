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

"""The errors of the build command, each of one line that says what to do."""

import os
import sys

from helpers.tensorrt_builds import (
    sibling,
)
import onnx
from swiftnet_ros.model_spec import read_model

VERSION = 'tensorrt-8.5.2.2'


def test_full_or_read_only_disk_raises_before_the_build(tensorrt, error_line, monkeypatch):
    tensorrt(VERSION)
    real = os.statvfs

    class Full:
        """A disk with 3 MB left."""

        def __init__(self, path):
            self.f_bavail, self.f_frsize = (3 << 20) // real(path).f_frsize, real(path).f_frsize

    monkeypatch.setattr(os, 'statvfs', Full)
    assert 'cache: the disk has 3 MB left, an engine may need 16 MB; set SWIFT' in error_line()
    monkeypatch.setattr(os, 'statvfs', real)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    assert 'cannot cache engines in' in error_line()
    assert 'it cannot be written; set SWIFTNET_ROS_CACHE to a folder of your own' in error_line()


def test_invalid_options_raise(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    assert "unknown precision 'fp15'; did you mean 'fp16'" in error_line('--precision', 'fp15')
    assert "unknown calibrator 'max'; did you mean 'minmax'" in error_line('--calibrator', 'max')
    assert "unknown TensorRT module 'tensort'; did you" in error_line('--module', 'tensort')
    assert 'workspace_mb is -1, expected 0 to 1048576' in error_line('--workspace-mb', -1)
    assert 'dla is -2, expected -1 to 7' in error_line('--dla', -2)
    assert '--no-cache also needs --output ENGINE' in error_line('--no-cache')
    assert 'a file ending in .engine in a folder' in error_line('-o', tmp_path / 'a.onnx')
    assert 'a file ending in .engine in a folder' in error_line('-o', tmp_path / 'no' / 'a.engine')
    assert 'model not found' in error_line(model=tmp_path / 'no.onnx')
    assert 'has Q/DQ pairs, fp16 needs' in error_line(
        '--precision', 'fp16', model=sibling(files, 'int8.onnx')
    )


def test_model_without_specification_raises(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    model = read_model(files)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'bare.onnx')
    text = error_line(model=tmp_path / 'bare.onnx')
    assert 'has no swiftnet_ros.model_spec; add one with: python -m' in text


def test_invalid_calibration_raises(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    empty = tmp_path / 'empty'
    empty.mkdir()
    assert f'no images in {empty}; expected files ending' in error_line('--calibration', empty)
    missing = tmp_path / 'no.calibration'
    assert f'calibration not found: {missing}' in error_line('--calibration', missing)
    other = tmp_path / 'other.calibration'
    other.write_text('TRT-8502-EntropyCalibration2\nelsewhere: 3c010a14\n')
    assert 'expected scales of this model, a table made with' in error_line('--calibration', other)
    for name, content in (('a.calibration', 'text'), ('a.json', '{'), ('b.json', '{"x": 1}')):
        (tmp_path / name).write_text(content)
        text = error_line('--calibration', tmp_path / name)
        assert 'expected a table made with: python -m training quantize --tensorrt-ta' in text


def test_calibration_images_need_pycuda(tensorrt, error_line, tmp_path, monkeypatch):
    tensorrt(VERSION)
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'a.png').write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    text = error_line('--calibration', folder)
    assert 'pip install pycuda' in text


def test_missing_tensorrt_raises_with_what_to_install(error_line, monkeypatch):
    for name, remedy in (
        ('tensorrt', 'it comes with JetPack (use a virtual environment with --system-site-pack'),
        ('tensorrt_rtx', 'pip install tensorrt-rtx-cu13'),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        text = error_line('--module', name)
        assert f"engine '{name}' cannot be used here" in text
        assert remedy in text
