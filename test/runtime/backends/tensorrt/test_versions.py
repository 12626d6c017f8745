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

"""Builds with every TensorRT from 8.5 to 11, by names that each version has."""

import os
from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, List

import cv2
from helpers.tensorrt_builds import (
    build,
    request,
    sibling,
    STRONGLY_TYPED,
    WEAKLY_TYPED,
)
from helpers.tiny_pair import HEIGHT, SCALE, WIDTH
import numpy as np
import pytest
from swiftnet_ros.backends.tensorrt.calibration import calibration_sha256
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.errors import SwiftnetError

LIMITS = [-127 * SCALE, 127 * SCALE]


def test_weakly_and_strongly_typed_versions_are_tested():
    assert (len(WEAKLY_TYPED), len(STRONGLY_TYPED)) == (4, 2)


@pytest.mark.parametrize('version', WEAKLY_TYPED)
@pytest.mark.parametrize(
    ('precision', 'file', 'calibration', 'flags'),
    [
        ('fp32', 'fp32.onnx', None, []),
        ('fp16', 'fp32.onnx', None, ['FP16']),
        ('fp16', 'fp16.onnx', None, ['FP16']),
        ('int8', 'int8.onnx', None, ['INT8', 'FP16']),
        ('int8', 'fp32.onnx', 'int8.calibration', ['INT8', 'FP16']),
        ('int8', 'fp32.onnx', 'int8.ranges.json', ['INT8', 'FP16']),
        ('best', 'fp32.onnx', None, ['FP16']),
        ('best', 'fp32.onnx', 'int8.calibration', ['INT8', 'FP16']),
        ('best', 'int8.onnx', None, ['INT8', 'FP16']),
    ],
)
def test_weakly_typed_builds_set_the_precision_by_flags(
    tensorrt, files, version, precision, file, calibration, flags
):
    table = None if calibration is None else sibling(files, calibration)
    recorded = build(
        tensorrt(version), sibling(files, file), precision=precision, calibration=table
    )
    assert recorded['network'] == ['EXPLICIT_BATCH']
    assert recorded['flags'] == flags
    assert recorded['cleared'] == ([] if flags else ['TF32'])
    assert recorded['profiling_verbosity'] == 'DETAILED'
    wanted = {(): 'fp32', ('FP16',): 'fp16', ('INT8', 'FP16'): 'int8'}[tuple(flags)]
    sidecar = recorded['sidecar']
    assert sidecar.identity.precision == sidecar.spec.precision == wanted
    # The mIoU was measured in the precision of the file.
    assert sidecar.spec.miou == (0.5 if file == f'{wanted}.onnx' else None)


@pytest.mark.parametrize('version', STRONGLY_TYPED)
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
@pytest.mark.parametrize('best', [True, False])
def test_strongly_typed_builds_have_the_precision_of_the_file(
    tensorrt, files, version, precision, best
):
    requested = 'best' if best else precision
    recorded = build(tensorrt(version), sibling(files, f'{precision}.onnx'), precision=requested)
    assert 'STRONGLY_TYPED' in recorded['network']
    assert 'EXPLICIT_BATCH' not in recorded['network']
    assert recorded['flags'] == []
    # `best` for FP32 allows TensorFloat-32.
    assert recorded['cleared'] == (['TF32'] if requested == 'fp32' else [])
    assert recorded['calibration'] is None
    assert recorded['sidecar'].identity.precision == precision


@pytest.mark.parametrize('version', STRONGLY_TYPED)
@pytest.mark.parametrize(
    ('precision', 'file', 'options', 'text'),
    [
        ('fp16', 'fp32', {}, 'is strongly typed: .* here fp32; use .*tiny.fp16.onnx'),
        ('fp16', 'int8', {}, 'has Q/DQ pairs, but fp16 needs a float file; use .*tiny.fp16.onnx'),
        ('int8', 'fp32', {}, 'no calibrators and needs Q/DQ pairs for INT8; use .*int8.onnx'),
        ('fp16', 'fp32', {'dla': 0}, 'DLA is not supported by strongly typed TensorRT; run'),
        ('fp32', 'fp32', {'obey_precision': True}, 'obey_precision is True, expected False'),
    ],
)
def test_builds_that_strong_typing_lacks_raise_with_the_alternative(
    tensorrt, files, version, precision, file, options, text
):
    wanted = request(
        tensorrt(version), sibling(files, f'{file}.onnx'), precision=precision, **options
    )
    with pytest.raises(SwiftnetError, match=text):
        find_or_build(*wanted, lambda progress: None)


@pytest.mark.parametrize('version', STRONGLY_TYPED)
def test_a_missing_fp16_file_is_an_error_with_the_command(tensorrt, files, version):
    sibling(files, 'fp16.onnx').unlink()
    command = 'python -m training fp16 .*tiny.fp32.onnx -o .*tiny.fp16.onnx'
    with pytest.raises(SwiftnetError, match=command):
        build(tensorrt(version), files, precision='fp16')


@pytest.mark.parametrize('version', WEAKLY_TYPED)
def test_a_calibration_cache_is_passed_unchanged(tensorrt, files, version):
    table = sibling(files, 'int8.calibration')
    recorded = build(tensorrt(version), files, precision='int8', calibration=table)
    assert recorded['calibration'] == {
        'kind': 'IInt8EntropyCalibrator2',
        'cache': table.read_text(),
        'images': [],
        'batch_size': 1,
    }


@pytest.mark.parametrize('version', WEAKLY_TYPED)
def test_ranges_are_set_on_tensors_by_name(tensorrt, files, version):
    table = sibling(files, 'int8.ranges.json')
    recorded = build(tensorrt(version), files, precision='int8', calibration=table)
    ranges = {}
    for layer in recorded['layers']:
        ranges.update(layer['ranges'])
    assert ranges == {'float': LIMITS, 'planes': LIMITS, 'logits': LIMITS}
    assert recorded['calibration'] is None


class FakeUploads:
    """A fake of `pycuda.driver` that keeps the uploaded images."""

    def __init__(self) -> None:
        self.images: List[np.ndarray] = []
        self.pushed = self.freed = 0
        context = SimpleNamespace(push=self._push, pop=self._pop)
        self.Device = lambda number: SimpleNamespace(retain_primary_context=lambda: context)

    def init(self) -> None:
        """Do nothing."""

    def mem_alloc(self, size: int) -> Any:
        assert self.pushed == 1 and size == HEIGHT * WIDTH * 3
        owner = self

        class Buffer:
            """The only buffer."""

            def __int__(self) -> int:
                return 4096

            def free(self) -> None:
                owner.freed += 1

        return Buffer()

    def memcpy_htod(self, buffer: Any, image: np.ndarray) -> None:
        assert self.pushed == 1
        self.images.append(image.copy())

    def _push(self) -> None:
        self.pushed += 1

    def _pop(self) -> None:
        self.pushed -= 1


@pytest.fixture
def uploads(monkeypatch) -> FakeUploads:
    """Install the fake in place of PyCUDA."""
    driver = FakeUploads()
    package = ModuleType('pycuda')
    package.driver = driver
    monkeypatch.setitem(sys.modules, 'pycuda', package)
    monkeypatch.setitem(sys.modules, 'pycuda.driver', driver)
    return driver


def write_images(folder: Path, count: int) -> Path:
    """Write images of one color each."""
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f'{index}.png'), np.full((48, 48, 3), (10, 20, index), np.uint8))
    return folder


@pytest.mark.parametrize('version', WEAKLY_TYPED)
@pytest.mark.parametrize(
    ('calibrator', 'kind'),
    [('entropy2', 'IInt8EntropyCalibrator2'), ('minmax', 'IInt8MinMaxCalibrator')],
)
def test_calibration_images_are_uploaded_one_by_one(
    tensorrt, uploads, files, tmp_path, version, calibrator, kind
):
    folder = write_images(tmp_path / 'images', 3)
    recorded = build(
        tensorrt(version), files, precision='int8', calibration=folder, calibrator=calibrator
    )
    expected = {'kind': kind, 'cache': None, 'images': [4096] * 3, 'batch_size': 1}
    assert recorded['calibration'] == expected
    assert [image.shape for image in uploads.images] == [(1, HEIGHT, WIDTH, 3)] * 3
    # In RGB order.
    assert [image[0, 5, 5].tolist() for image in uploads.images] == [
        [0, 20, 10],
        [1, 20, 10],
        [2, 20, 10],
    ]
    assert (uploads.pushed, uploads.freed) == (0, 1)


def test_an_unreadable_calibration_image_fails_the_build(tensorrt, uploads, files, tmp_path):
    folder = write_images(tmp_path / 'images', 2)
    (folder / '1.png').write_bytes(b'no image')
    with pytest.raises(SwiftnetError, match='cannot read image .*1.png'):
        build(tensorrt(WEAKLY_TYPED[0]), files, precision='int8', calibration=folder)
    assert uploads.freed == 1


def test_calibration_hash_is_of_images_with_any_name(tmp_path):
    folder = write_images(tmp_path / 'images', 2)
    hashes = [calibration_sha256(folder)]
    (folder / '._0.png').write_bytes(b'not counted')
    hashes.append(calibration_sha256(folder))
    (folder / '1.png').rename(folder / os.fsdecode(b'\xff.TIF'))
    hashes.append(calibration_sha256(folder))
    assert hashes[0] == hashes[1] != hashes[2]
