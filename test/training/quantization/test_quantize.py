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

"""The quantize command writes one INT8 file with a record of its making, or one error line."""

from collections.abc import Callable
from dataclasses import replace
import json
import os
from pathlib import Path
import re
import struct

import cv2
from helpers.tiny_quantized import export_tiny, noise_images, write_images
from helpers.tiny_training import CLASSES, command_json
import numpy as np
import onnx
from onnx import numpy_helper
import pytest
from swiftnet_ros.model_spec import read_golden, read_model, read_spec
from swiftnet_ros.model_spec.qdq import check_pairs
from training.__main__ import main
from training.quantization.calibration_images import FolderImages, names_and_hash, split_images


@pytest.fixture(scope='module')
def source(tmp_path_factory) -> Path:
    return export_tiny(tmp_path_factory.mktemp('source'))


@pytest.fixture(scope='module')
def images(tmp_path_factory) -> Path:
    """Return a folder of 8 images without labels."""
    return write_images(tmp_path_factory.mktemp('images') / 'camera', 8)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / 'tiny.int8.onnx'


def run(capsys, *words: object) -> dict:
    return command_json(capsys, 'quantize', *words)


def error_of(capsys, *words: object) -> str:
    """Run the command, which has to fail, and return its one error line."""
    assert main(['quantize', *map(str, words)]) == 1
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1
    return lines[0]


def test_trained_network_keeps_its_miou_and_the_file_records_how(
    capsys, finished_run, folder_root, tmp_path, out
):
    source = tmp_path / 'tiny.fp32.onnx'
    data = ['--dataset', 'folder', '--root', str(folder_root)]
    assert main(['export', str(finished_run.trained), '-o', str(source)]) == 0
    result = run(capsys, source, *data, '-o', out, '--count', 5, '--held-out', 3,
                 '--measure', 'val')  # fmt: skip
    assert set(result['methods']) == {'max', 'percentile_99.9', 'percentile_99.99', 'entropy'}
    best = max(result['methods'].values(), key=lambda score: score['miou'])
    assert result['methods'][result['method']] == best
    assert result['miou_before'] - result['miou_after'] < 0.02
    assert result['agreement'] > 0.97
    spec = read_spec(out)
    assert (spec.precision, spec.miou) == ('int8', result['miou_after'])
    assert replace(spec, precision='fp32', miou=None, calibration=None) == replace(
        read_spec(source), miou=None
    )
    record = spec.calibration
    assert {key: record[key] for key in result if key in record} == {
        key: result[key] for key in result if key in record
    }
    assert (record['source'], record['count'], record['seed']) == ('folder train', 5, 0)
    assert record['measured_on'] == '3 images of folder val'
    assert len(set(record['images'])) == 5
    assert len(record['images_sha256']) == 64
    assert np.array_equal(read_golden(out).labels, read_golden(source).labels)
    measured = command_json(capsys, 'evaluate', out, *data, '--split', 'val')
    assert (measured['miou'], measured['precision']) == (result['miou_after'], 'int8')


def test_agreement_replaces_miou_without_labels(capsys, source, images, out):
    result = run(capsys, source, '--images', images, '-o', out, '--method', 'max', '--count', 5)
    spec = read_spec(out)
    assert result['miou_before'] is result['miou_after'] is spec.miou is None
    assert 0.5 < result['agreement'] <= 1
    assert spec.calibration['agreement'] == result['agreement']
    assert spec.calibration['miou_after'] is None
    assert spec.calibration['measured_on'].endswith('held-out images of camera')
    weights = {i.name: i for i in onnx.load(out).graph.initializer}
    assert sum(i.data_type == onnx.TensorProto.INT8 and len(i.dims) == 4
               for i in weights.values()) > 20  # fmt: skip


def test_same_seed_writes_the_same_file_and_another_seed_draws_other_images(
    capsys, source, images, tmp_path
):
    files = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        path = tmp_path / f'{name}.onnx'
        run(capsys, source, '--images', images, '-o', path, '--method', 'max', '--count', 3,
            '--seed', seed)  # fmt: skip
        files.append(path)
    assert files[0].read_bytes() == files[1].read_bytes()
    lists = [read_spec(path).calibration['images'] for path in files]
    assert lists[0] == lists[1] != lists[2]


def test_calibration_and_held_out_images_are_disjoint(images):
    folder = FolderImages(images)
    for count, held_out in ((3, 3), (64, 32), (1, 1), (7, 7)):
        first, second = split_images(folder, count, held_out, 0)
        assert 1 <= len(first) <= count
        assert 1 <= len(second) <= held_out
        assert not set(first.indices) & set(second.indices)


@pytest.mark.parametrize(
    ('count', 'held_out', 'used'),
    [(64, 32, (5, 3)), (5, 3, None), (6, 3, (5, 3)), (4, 20, (1, 7))],
)
def test_fewer_images_than_requested_are_a_warning(capsys, images, count, held_out, used):
    first, second = split_images(FolderImages(images), count, held_out, 0)
    warning = capsys.readouterr().err
    if used is None:
        assert warning == ''
        return
    assert (len(first), len(second)) == used
    assert warning == (
        f'warning: there are 8 images: {used[0]} to calibrate or train with, {count} were '
        f'requested; {used[1]} to measure and choose on, {held_out} were requested\n'
    )


def test_images_of_a_folder_are_rgb(images):
    stored = FolderImages(images)[1]
    # Written without swapping the channels, so as BGR.
    assert np.array_equal(stored.image, noise_images(2)[1][..., ::-1])
    assert (stored.label, stored.name) == (None, '01.png')


def test_hash_depends_on_names_and_pixels(images, tmp_path):
    original = names_and_hash(FolderImages(images))
    copy = write_images(tmp_path / 'copy', 8)
    assert names_and_hash(FolderImages(copy)) == original
    cv2.imwrite(str(copy / '03.png'), np.zeros((64, 96, 3), np.uint8))
    assert names_and_hash(FolderImages(copy))[1] != original[1]


def test_named_and_most_sensitive_layers_remain_float(capsys, source, images, out):
    common = [source, '--images', images, '-o', out, '--method', 'max', '--held-out', 2]
    result = run(capsys, *common, '--keep-float', 'head.2,encoder.stem.conv1')
    assert result['layers_float'] == ['head.2', 'encoder.stem.conv1']
    assert result['sensitivity'] is None
    result = run(capsys, *common, '--keep-float', '2', '--sensitivity')
    table = result['sensitivity']
    assert list(table.values()) == sorted(table.values(), reverse=True)
    assert result['layers_float'] == list(table)[:2]
    spec, model = read_spec(out), read_model(out)
    assert spec.calibration['layers_float'] == result['layers_float']
    assert set(table) == set(spec.widths)
    check_pairs(model, out)


def test_tensorrt_tables_have_the_scales_of_the_pairs(capsys, source, images, out):
    run(capsys, source, '--images', images, '-o', out, '--method', 'max', '--tensorrt-tables')
    lines = out.with_suffix('.calibration').read_text().splitlines()
    assert lines[0].startswith('TRT-8502-')
    cache = dict(line.rsplit(': ', 1) for line in lines[1:])
    scales = {name: struct.unpack('>f', bytes.fromhex(text))[0] for name, text in cache.items()}
    ranges = json.loads(out.with_suffix('.ranges.json').read_text())
    assert set(ranges) == set(scales)
    for name, (low, high) in ranges.items():
        assert -low == high == pytest.approx(127 * scales[name], rel=1e-6)
    model, quantized = read_model(source), read_model(out)
    computed = {name for node in model.graph.node for name in node.output}
    assert set(scales) <= computed and 'logits' in scales
    constants = {i.name: numpy_helper.to_array(i) for i in quantized.graph.initializer}
    pairs = {
        node.input[0]: float(constants[node.input[1]])
        for node in quantized.graph.node
        if node.op_type == 'QuantizeLinear'
    }
    common = set(pairs) & set(scales)
    assert len(common) > 20
    assert all(scales[name] == pairs[name] for name in common)


def test_calibration_of_a_pair_has_the_scales_of_its_int8_file(capsys, source, images, out):
    quantized = source.with_name('tiny.int8.onnx')
    run(
        capsys, source, '--images', images, '-o', quantized, '--method', 'max', '--tensorrt-tables'
    )
    path = quantized.with_suffix('.calibration')
    expected = path.read_bytes()
    path.unlink()
    assert main(['calibration', str(source), '--images', str(images), '--json']) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert path.read_bytes() == expected
    assert result['images'] == 'the same images'
    assert 20 < result['of_int8'] < result['scales']
    assert main(['calibration', str(quantized), '--images', str(images)]) == 1
    assert 'no pair of training export and quantize' in capsys.readouterr().err


def test_model_without_specification_raises(capsys, source, images, out, tmp_path):
    model = read_model(source)
    del model.metadata_props[:]
    bare = tmp_path / 'bare.onnx'
    onnx.save(model, bare)
    text = error_of(capsys, bare, '--images', images, '-o', out)
    assert 'has no swiftnet_ros.model_spec; add one with: python -m' in text


def test_quantized_model_raises(capsys, source, images, out):
    run(capsys, source, '--images', images, '-o', out, '--method', 'max')
    text = error_of(capsys, out, '--images', images, '-o', out.with_name('again.onnx'))
    assert 'it is int8 already; quantize the original fp32 file' in text


def test_fewer_than_two_images_raise(capsys, source, out, tmp_path):
    empty = tmp_path / 'empty'
    empty.mkdir()
    text = error_of(capsys, source, '--images', empty, '-o', out)
    assert f'no images in {empty}' in text
    one = write_images(tmp_path / 'one', 1)
    text = error_of(capsys, source, '--images', one, '-o', out)
    assert 'the number of images is 1, expected at least 2' in text


def test_gray_alpha_and_16_bit_images_calibrate_as_rgb(tmp_path):
    gray = np.arange(24, dtype=np.uint8).reshape(4, 6)
    cv2.imwrite(str(tmp_path / '0.png'), gray)
    cv2.imwrite(str(tmp_path / '1.png'), np.dstack([gray, gray, gray, gray // 2]))
    cv2.imwrite(str(tmp_path / '2.png'), gray.astype(np.uint16) * 257)
    images = FolderImages(tmp_path)
    for index in range(3):
        assert images[index].image.tolist() == np.dstack([gray] * 3).tolist()


def test_images_of_any_name_have_a_hash(tmp_path):
    (tmp_path / os.fsdecode(b'\xff.png')).write_bytes(
        cv2.imencode('.png', np.zeros((2, 2), np.uint8))[1].tobytes()
    )
    names, digest = names_and_hash(FolderImages(tmp_path))
    assert names == [os.fsdecode(b'\xff.png')] and len(digest) == 64


def multiply(channels: object, factor: float) -> Callable[[np.ndarray], None]:
    def change(weight: np.ndarray) -> None:
        weight[channels] *= factor

    return change


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            multiply(..., 3e37),
            'tensor /network/encoder/stages.2.0.* is NaN or infinite on image',
        ),
        (
            multiply(0, np.nan),
            'weight network.encoder.stages.2.0.conv1.weight is NaN or inf',
        ),
        (
            multiply(0, np.inf),
            'weight network.encoder.stages.2.0.conv1.weight is NaN or inf',
        ),
        (
            multiply([1, 4], 0),
            r"has 2 dead channels \(1, 4\).* prune CHECKPOINT --ratios '{}'",
        ),
    ],
)
def test_unusable_weights_raise_with_the_name(
    capsys, source, images, out, tmp_path, change, words
):
    name, model = 'network.encoder.stages.2.0.conv1.weight', read_model(source)
    item = next(item for item in model.graph.initializer if item.name == name)
    weight = numpy_helper.to_array(item).copy()
    change(weight)
    item.CopyFrom(numpy_helper.from_array(weight, name))
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(model.SerializeToString())
    assert re.search(words, error_of(capsys, broken, '--images', images, '-o', out))


def test_invalid_options_raise(capsys, source, images, folder_root, tmp_path, out):
    common = [source, '--images', images, '-o', out]
    assert "did you mean 'entropy'" in error_of(capsys, *common, '--method', 'entropi')
    assert "did you mean 'head.2'" in error_of(capsys, *common, '--keep-float', 'head.1')
    assert '--count is 0, expected at least 1' in error_of(capsys, *common, '--count', 0)
    assert 'either --dataset or --images' in error_of(capsys, source, '-o', out)
    assert 'folder not found' in error_of(capsys, source, '--images', images, '-o', '/no/a.onnx')
    data = ['--dataset', 'folder', '--root', folder_root]
    assert 'either --dataset or --images' in error_of(capsys, *common, *data)
    text = error_of(capsys, *common, '--method', 'max', '--held-out', 2, '--keep-float', '999')
    assert '--keep-float is 999, expected 0 to' in text


def test_dataset_with_other_classes_raises(capsys, source, folder_root, out, tmp_path):
    other = tmp_path / 'classes.yaml'
    other.write_text('classes: [{name: sky, rgb: [1, 2, 3]}]')
    words = ['--dataset', 'folder', '--root', folder_root, '--option', f'classes={other}']
    text = error_of(capsys, source, *words, '-o', out)
    assert f'the model has {len(CLASSES)} classes and the dataset 1' in text
