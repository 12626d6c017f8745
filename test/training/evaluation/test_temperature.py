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

"""Temperature scaling makes confidence the fraction of right pixels and changes no label."""

from dataclasses import replace
from pathlib import Path

import cv2
from helpers.tiny_quantized import calibrated, MODELS
from helpers.tiny_training import command_json, tiny_checkpoint, write_folder
import numpy as np
import pytest
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import read_golden, read_spec, write_model
from training.__main__ import main
from training.datasets import open_dataset
from training.evaluation.temperature import (
    ComparingPredictor,
    fit_temperature,
    predict_split,
    with_temperature,
)
from training.export import export
from training.run.checkpoint import load_checkpoint, save_checkpoint

CLASSES = 5


def drawn(temperature: float, pixels: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and classes drawn with the probabilities of logits / temperature."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (pixels, CLASSES)).astype(np.float32)
    # The largest sum of a logit and Gumbel noise is a draw from the softmax.
    noise = random.gumbel(size=logits.shape)
    return logits, (logits / temperature + noise).argmax(axis=1).astype(np.uint8)


@pytest.mark.parametrize('temperature', [0.5, 1.0, 1.7, 3.0])
def test_the_temperature_that_drew_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.03)


def test_the_fit_has_the_smallest_negative_log_likelihood():
    logits, classes = drawn(1.3, 2000)

    def loss(temperature: float) -> float:
        scaled = logits.astype(np.float64) / temperature
        return float(np.mean(
            np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(scaled)), classes]
        ))  # fmt: skip

    best = fit_temperature(logits, classes)
    assert loss(best) < min(loss(0.99 * best), loss(1.01 * best))


@pytest.mark.parametrize(('wrong', 'expected'), [(0, 1 / 8), (1, 8.0)])
def test_labels_that_are_always_right_or_wrong_end_at_a_bound(wrong, expected):
    logits, _ = drawn(1.0, 1000)
    classes = np.argsort(-logits, axis=1)[:, 4 * wrong]
    assert fit_temperature(logits, classes) == pytest.approx(expected)


def test_huge_logits_do_not_overflow():
    logits, classes = drawn(1.0, 1000)
    assert fit_temperature(1000 * logits, classes) == pytest.approx(8.0)


@pytest.mark.parametrize('name', MODELS)
def test_only_the_last_convolution_is_scaled(name):
    checkpoint = tiny_checkpoint(MODELS[name])
    scaled = with_temperature(checkpoint, 1.6)
    changed = [
        key for key, value in checkpoint.weights.items() if (scaled.weights[key] != value).any()
    ]
    assert changed == ['head.2.weight', 'head.2.bias']
    np.testing.assert_allclose(
        1.6 * scaled.weights['head.2.weight'], checkpoint.weights['head.2.weight'], rtol=1e-6
    )


@pytest.mark.parametrize('temperature', [0.5, 0.77, 1.3, 4.0])
def test_no_label_changes(tmp_path, temperature, noise):
    checkpoint = tiny_checkpoint()
    golden = None
    found = []
    for number, tried in enumerate((checkpoint, with_temperature(checkpoint, temperature))):
        path = tmp_path / f'{number}.onnx'
        export(tried, path, 'tiny', 64, 96, golden=golden)
        golden = read_golden(path)
        with open_backend(str(path), 'openvino', 'fp32') as engine:
            frames = [Frame(noise(120, 200, seed=seed)) for seed in range(8)]
            found.append([engine.segment(frame, (120, 200), True) for frame in frames])
    for before, after in zip(*found, strict=True):
        assert np.array_equal(before.labels, after.labels)
        assert not np.array_equal(before.confidence, after.confidence)


@pytest.fixture(scope='module')
def overconfident(finished_run, tmp_path_factory) -> Path:
    """Return a trained checkpoint whose logits are three times as large as they were."""
    path = tmp_path_factory.mktemp('overconfident') / 'a.pt'
    save_checkpoint(with_temperature(load_checkpoint(finished_run.trained), 1 / 3), path)
    return path


def test_command_writes_confidences_that_are_right_as_often_as_they_say(
    capsys, overconfident, folder_root, tmp_path
):
    out = tmp_path / 'a.fp32.onnx'
    data = ['--dataset', 'folder', '--root', str(folder_root), '--split', 'val']
    words = [overconfident, '-o', out, *data]
    plain = command_json(capsys, 'export', *words)
    before = command_json(capsys, 'evaluate', out, *data, '--precision', 'fp32')
    result = command_json(capsys, 'export', *words, '--calibrate-confidence')
    after = command_json(capsys, 'evaluate', out, *data, '--precision', 'fp32')
    confidence = result['confidence']
    assert confidence['labels_changed'] == 0
    assert confidence['measured_on'] == '3 images of folder val'
    assert confidence['ece_before'] == before['ece']
    assert confidence['ece_after'] == after['ece'] <= 0.03
    assert after['ece'] < 0.5 * before['ece']
    assert (after['miou'], after['iou']) == (before['miou'], before['iou'])
    assert result['miou'] == plain['miou'] == after['miou']

    quantized = tmp_path / 'a.int8.onnx'
    words = ['--dataset', 'folder', '--root', str(folder_root), '--method', 'max']
    command_json(capsys, 'quantize', out, *words, '-o', quantized)
    assert command_json(capsys, 'evaluate', quantized, *data)['ece'] <= 0.04


def test_temperature_that_changes_fewest_labels_is_taken(
    capsys, overconfident, folder_root, tmp_path, monkeypatch
):
    counts = [5, 3, 1, 4, 1, 5, 9, 2]

    class Counted(ComparingPredictor):
        changed = property(lambda self: self.count, lambda self, _: None)

        def __init__(self, *given):
            super().__init__(*given)
            self.count = counts.pop(0)

    monkeypatch.setattr('training.export.ComparingPredictor', Counted)
    monkeypatch.setattr('training.export._TRIES', len(counts))
    data = ['--dataset', 'folder', '--root', str(folder_root), '--split', 'val']
    words = [overconfident, '-o', tmp_path / 'a.fp32.onnx', *data, '--calibrate-confidence']
    monkeypatch.setattr('training.export.fit_temperature', lambda *_: 2.0)
    confidence = command_json(capsys, 'export', *words)['confidence']
    assert confidence['temperature'] == pytest.approx(2.008)
    assert (confidence['labels_changed'], counts) == (1, [])


def test_int8_file_inherits_the_temperature_and_keeps_its_labels(tmp_path, noise):
    """Weights are quantized by channel, so that a scale of all of them is one of their scales."""
    found, golden = [], None
    for number, tried in enumerate((tiny_checkpoint(), with_temperature(tiny_checkpoint(), 2))):
        path, out = tmp_path / f'{number}.onnx', tmp_path / f'{number}.int8.onnx'
        export(tried, path, 'tiny', 64, 96, golden=golden)
        golden = read_golden(path)
        spec = replace(read_spec(path), precision='int8')
        write_model(calibrated(path).model('max'), out, spec, None)
        with open_backend(str(out), 'openvino', 'int8') as engine:
            found.append(
                [engine.infer(noise(64, 96, seed=seed)[np.newaxis]).copy() for seed in (0, 1)]
            )
    np.testing.assert_array_equal(2 * np.array(found[1]), found[0])


def test_without_dataset_or_labels_it_is_one_line(capsys, overconfident, tmp_path):
    words = ['export', str(overconfident), '-o', str(tmp_path / 'a.onnx')]
    assert main([*words, '--calibrate-confidence']) == 1
    assert "--calibrate-confidence is 'alone', expected a --dataset" in capsys.readouterr().err


def test_a_given_temperature_has_the_logits_of_the_fitted_one(
    capsys, overconfident, folder_root, tmp_path, noise
):
    fitted, given = tmp_path / 'a.fp32.onnx', tmp_path / 'b.fp32.onnx'
    data = ['--dataset', 'folder', '--root', str(folder_root), '--split', 'val']
    words = [overconfident, '-o', fitted, *data, '--calibrate-confidence']
    temperature = command_json(capsys, 'export', *words)['confidence']['temperature']
    assert temperature > 1.5
    command_json(capsys, 'export', overconfident, '-o', given, '--temperature', temperature)
    found = []
    for path in (fitted, given):
        with open_backend(str(path), 'openvino', 'fp32') as engine:
            size = (engine.spec.input_height, engine.spec.input_width)
            found.append(engine.infer(noise(*size, seed=0)[np.newaxis]).copy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['0'], '--temperature is 0.0, expected 0.125 to 8'),
        (['nan'], '--temperature is nan, expected 0.125 to 8'),
        (['2', '--calibrate-confidence', '--dataset', 'folder', '--root', '.'],
         '--temperature is 2.0, expected no --calibrate-confidence with it'),
    ],
)  # fmt: skip
def test_a_temperature_that_makes_no_sense_is_one_line(
    capsys, overconfident, tmp_path, more, message
):
    out = tmp_path / 'a.onnx'
    assert main(['export', str(overconfident), '-o', str(out), '--temperature', *more]) == 1
    assert message in capsys.readouterr().err and not out.exists()


def test_split_without_a_labeled_pixel_raises(tmp_path):
    root = write_folder(tmp_path / 'set')
    for path in (root / 'val' / 'labels').iterdir():
        cv2.imwrite(str(path), np.full((64, 96), 255, np.uint8))
    export(tiny_checkpoint(), tmp_path / 'a.onnx', 'a', 64, 96)
    with (
        open_backend(str(tmp_path / 'a.onnx'), 'openvino', 'fp32') as engine,
        pytest.raises(InvalidValueError, match='expected a split with labeled pixels'),
    ):
        predict_split(engine, open_dataset('folder', root, 'val'))
