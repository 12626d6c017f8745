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

"""The golden frame is one on which the network is sure, and the self-check finds faults on it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
from onnx import helper, numpy_helper
import pytest
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.model_spec import read_golden, read_model, read_spec, write_model
from swiftnet_ros.serving.model_loader import load_model
import torch
from torch import nn, Tensor
from training.evaluation import golden_frame
from training.evaluation.golden_frame import choose_golden, MIN_AGREEMENT, rendered_frames
from training.export import export
from training.models.layers import IMAGENET_MEAN, IMAGENET_STD
from training.quantization.fp16 import to_fp16
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.run.checkpoint import load_checkpoint

SIZE = golden_frame.SIZE


class Brightness(nn.Module):
    """Five classes by the brightness of red."""

    def forward(self, image: Tensor) -> Tensor:
        """Return logits [1, 5, H, W] of RGB [1, H, W, 3]."""
        red = image.float()[..., 0]
        levels = torch.tensor([0.0, 60.0, 120.0, 180.0, 240.0]).view(1, 5, 1, 1)
        return -(red[:, None] - levels).abs()


def with_frames(monkeypatch, *frames: np.ndarray) -> None:
    monkeypatch.setattr(golden_frame, 'rendered_frames', lambda count: frames)


def bands(*reds: int) -> np.ndarray:
    """Return a frame of equal bands of red."""
    frame = np.zeros((*SIZE, 3), np.uint8)
    for number, columns in enumerate(np.array_split(np.arange(SIZE[1]), len(reds))):
        frame[:, columns, 0] = reds[number]
    return frame


def test_surest_frame_with_four_classes_is_chosen(monkeypatch):
    sure = bands(0, 60, 120, 180, 240)
    # On the border of two classes.
    unsure = bands(0, 60, 120, 180, 209)
    few = bands(0, 240)
    with_frames(monkeypatch, few, unsure, sure)
    golden = choose_golden(Brightness(), *SIZE)
    assert np.array_equal(golden.frame, sure)
    assert np.bincount(golden.labels.ravel()).min() > 7000
    assert golden.min_agreement == {'fp32': 0.99, 'bf16': 0.98, 'fp16': 0.98, 'int8': 0.97}


def test_the_most_classes_are_taken_if_no_frame_has_four(monkeypatch):
    frames = bands(0), bands(0, 120, 240), bands(0, 240)
    with_frames(monkeypatch, *frames)
    assert np.array_equal(choose_golden(Brightness(), *SIZE).frame, frames[1])


def test_a_class_of_few_pixels_does_not_count(monkeypatch):
    speck = bands(0, 60, 120)
    speck[:5, :5, 0] = 240
    four = bands(0, 60, 120, 209)
    with_frames(monkeypatch, speck, four)
    assert np.array_equal(choose_golden(Brightness(), *SIZE).frame, four)


def test_a_frame_that_hides_swapped_channels_is_not_chosen(monkeypatch):
    gray = bands(0, 60, 120, 180, 240)
    gray[..., 2] = gray[..., 0]
    colored = bands(0, 60, 120, 180, 209)
    with_frames(monkeypatch, gray, colored)
    assert np.array_equal(choose_golden(Brightness(), *SIZE).frame, colored)


def test_the_least_harmed_frame_is_avoided_if_all_hide_it(monkeypatch):
    gray, other = bands(0, 60, 120, 180, 240), bands(0, 60, 120, 180, 240)
    gray[..., 2] = gray[..., 0]
    other[..., 2] = other[..., 0]
    other[:, :10, 2] = 120
    with_frames(monkeypatch, gray, other)
    assert np.array_equal(choose_golden(Brightness(), *SIZE).frame, other)


def test_rendered_frames_are_small_and_always_the_same():
    first, second = rendered_frames(2)
    assert first.shape == second.shape == (144, 256, 3)
    assert not np.array_equal(first, second)
    rendered_frames.cache_clear()
    assert np.array_equal(rendered_frames(2)[1], second)


@pytest.fixture(scope='module')
def files(finished_run, tmp_path_factory) -> dict[str, Path]:
    """Return the files of a trained network by precision."""
    folder, checkpoint = tmp_path_factory.mktemp('files'), load_checkpoint(finished_run.trained)
    paths = {name: folder / f'{name}.onnx' for name in ('fp32', 'fp16', 'int8')}
    source = paths['fp32']
    with mock.patch.object(golden_frame, 'FRAMES', 24):
        export(checkpoint, source, 'tiny', checkpoint.height, checkpoint.width)
    spec, golden, model = read_spec(source), read_golden(source), read_model(source)
    write_model(to_fp16(model, source), paths['fp16'], replace(spec, precision='fp16'), golden)
    quantizer = Quantizer(fold_for_quantization(model, spec, source))
    size = checkpoint.height, checkpoint.width
    images = [
        golden_frame.to_network_input(golden_frame.Frame(f), *size) for f in rendered_frames(4)
    ]
    quantizer.calibrate([(str(number), image) for number, image in enumerate(images)])
    write_model(quantizer.model('max'), paths['int8'], replace(spec, precision='int8'), golden)
    return paths


def options(precision: str) -> BackendOptions:
    """Return how a file is run on any CPU, with bf16 or without."""
    arithmetic = 'int8' if precision == 'int8' else 'fp32'
    return BackendOptions(engine='openvino', precision=arithmetic, threads=1)


def swap_channels(graph: onnx.GraphProto) -> None:
    graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0]), 'bgr'))
    for node in graph.node:
        node.input[:] = ['swapped' if name == 'image' else name for name in node.input]
    graph.node.insert(0, helper.make_node('Gather', ['image', 'bgr'], ['swapped'], axis=3))


def forget_the_mean(graph: onnx.GraphProto) -> None:
    """Replace the constant that normalization adds by zeros."""
    shift = (-np.array(IMAGENET_MEAN) / IMAGENET_STD).reshape(1, 3, 1, 1)
    constants = [node.attribute[0].t for node in graph.node if node.op_type == 'Constant']
    found = [
        tensor
        for tensor in (*graph.initializer, *constants)
        if tuple(tensor.dims) == shift.shape
        and np.allclose(numpy_helper.to_array(tensor), shift, rtol=2e-3)
    ]
    assert len(found) == 1
    zeros = np.zeros_like(numpy_helper.to_array(found[0]))
    found[0].CopyFrom(numpy_helper.from_array(zeros, found[0].name))


def shift_class_ids(graph: onnx.GraphProto) -> None:
    """Let every class have the id of the next one."""
    last = [node for node in graph.node if node.op_type == 'Conv'][-1]
    names = {node.output[0]: node for node in graph.node}
    for name in last.input[1:]:
        # Weights, or what dequantizes them: values, scales and zero points by channel.
        parts = names[name].input if name in names else [name]
        for item in graph.initializer:
            if item.name in parts and item.dims:
                rolled = np.roll(numpy_helper.to_array(item), 1, axis=0)
                item.CopyFrom(numpy_helper.from_array(rolled, item.name))


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_a_sound_file_passes_its_self_check(files, precision):
    model = load_model(str(files[precision]), options(precision))
    assert model.agreement >= MIN_AGREEMENT[precision]
    model.close()


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
@pytest.mark.parametrize('fault', [swap_channels, forget_the_mean, shift_class_ids])
def test_the_self_check_finds_a_fault_in_every_precision(
    files, tmp_path, precision: str, fault: Callable[[onnx.GraphProto], None]
):
    source, path = files[precision], tmp_path / 'faulty.onnx'
    model = read_model(source)
    fault(model.graph)
    write_model(model, path, read_spec(source), read_golden(source))
    minimum = MIN_AGREEMENT[precision]
    with pytest.raises(SelfCheckError, match=f'expected at least {minimum:g};'):
        load_model(str(path), options(precision))
