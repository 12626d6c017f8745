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

"""What the command refuses, each with one line that says what to do."""

import os
import sys

from helpers.trt_builds import (
    beside,
    fixture_files,
    fixture_refused,
    fixture_run,
    fixture_use,
)
import onnx
from swiftnet_ros.model_spec import read_model

__all__ = ['fixture_files', 'fixture_refused', 'fixture_run', 'fixture_use']
VERSION = 'tensorrt-8.5.2.2'


def test_a_full_or_read_only_disk_is_told_before_the_build(use, refused, monkeypatch):
    use(VERSION)
    real = os.statvfs

    class Full:
        """A disk with 3 MB left."""

        def __init__(self, path):
            self.f_bavail, self.f_frsize = (3 << 20) // real(path).f_frsize, real(path).f_frsize

    monkeypatch.setattr(os, 'statvfs', Full)
    assert 'cache: the disk has 3 MB left, an engine may need 16 MB; set SWIFT' in refused()
    monkeypatch.setattr(os, 'statvfs', real)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    assert 'cannot cache engines in' in refused()
    assert 'it cannot be written; set SWIFTNET_ROS_CACHE to a folder of your own' in refused()


def test_wrong_words_are_refused(use, refused, files, tmp_path):
    use(VERSION)
    assert "unknown precision 'fp15'; did you mean 'fp16'" in refused('--precision', 'fp15')
    assert "unknown calibrator 'max'; did you mean 'minmax'" in refused('--calibrator', 'max')
    assert "unknown TensorRT module 'tensort'; did you" in refused('--module', 'tensort')
    assert 'workspace_mb is -1, expected 0 to 1048576' in refused('--workspace-mb', -1)
    assert 'dla is -2, expected -1 to 7' in refused('--dla', -2)
    assert '--no-cache is True, expected an --output' in refused('--no-cache')
    assert 'a file ending in .engine in a folder' in refused('-o', tmp_path / 'a.onnx')
    assert 'a file ending in .engine in a folder' in refused('-o', tmp_path / 'no' / 'a.engine')
    assert 'model not found' in refused(model=tmp_path / 'no.onnx')
    assert 'has Q/DQ pairs, fp16 needs' in refused(
        '--precision', 'fp16', model=beside(files, 'int8.onnx')
    )


def test_a_model_without_a_spec_is_refused(use, refused, files, tmp_path):
    use(VERSION)
    model = read_model(files)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'bare.onnx')
    text = refused(model=tmp_path / 'bare.onnx')
    assert 'has no swiftnet_ros.model_spec; add one with: python -m' in text


def test_wrong_calibrations_are_refused(use, refused, files, tmp_path):
    use(VERSION)
    empty = tmp_path / 'empty'
    empty.mkdir()
    assert f'no images in {empty}; expected files ending' in refused('--calibration', empty)
    missing = tmp_path / 'no.calibration'
    assert f'calibration not found: {missing}' in refused('--calibration', missing)
    other = tmp_path / 'other.calibration'
    other.write_text('TRT-8502-EntropyCalibration2\nelsewhere: 3c010a14\n')
    assert 'expected scales of this model, a table made with' in refused('--calibration', other)
    for name, content in (('a.calibration', 'text'), ('a.json', '{'), ('b.json', '{"x": 1}')):
        (tmp_path / name).write_text(content)
        text = refused('--calibration', tmp_path / name)
        assert 'expected a table made with: python -m training quantize --tensorrt-ta' in text


def test_images_need_pycuda(use, refused, tmp_path, monkeypatch):
    use(VERSION)
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'a.png').write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    text = refused('--calibration', folder)
    assert 'pip install pycuda' in text


def test_a_machine_without_tensorrt_says_what_to_install(refused, monkeypatch):
    for name, remedy in (
        ('tensorrt', 'it comes with JetPack (use a virtual environment with --system-site-pack'),
        ('tensorrt_rtx', 'pip install tensorrt-rtx-cu13'),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        text = refused('--module', name)
        assert f"engine '{name}' cannot be used here" in text
        assert remedy in text
