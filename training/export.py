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

"""Export a checkpoint to one ONNX file with its model spec, and compare the two."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
import warnings

import numpy as np
import onnx
import onnx_ir
from onnxscript import optimizer
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core import labels
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.model_spec import (
    Golden,
    ModelSpec,
    read_golden,
    unlabeled_id_for,
    write_model,
)
from swiftnet_ros.model_spec.contract import OPSET
import torch
from torch import nn, Tensor
from training.datasets.base import ImageLabelDataset
from training.datasets.warehouse import FIRST_SEED
from training.evaluation.evaluate import engine_predictor, evaluate
from training.evaluation.golden_frame import choose_golden, torch_logits
from training.evaluation.temperature import (
    ComparingPredictor,
    fit_temperature,
    predict_split,
    with_temperature,
)
from training.run.checkpoint import Checkpoint, layer_widths
from training.warehouse_renderer import render

MIN_AGREEMENT = 0.999
# FP32 differs by about 1e-5 of the largest logit, because sums have another order.
MAX_RELATIVE_DIFFERENCE = 1e-3
# Scaled logits are rounded anew, which may change the labels of some pixels in 100 million, where
# two classes are equal: then temperatures nearby are tried, each higher by this fraction, and the
# one that changes fewest is taken.
_TRIES, _NEXT = 24, 0.002


@dataclass(frozen=True)
class Parity:
    """
    Largest difference of logits and fraction of equal labels, ONNX file to torch in FP32.

    `relative_difference` is that difference divided by the largest magnitude of a logit.
    """

    max_difference: float
    agreement: float
    relative_difference: float

    @property
    def is_sound(self) -> bool:
        """Return whether both compute the same; a NaN is never the same."""
        is_near = self.relative_difference <= MAX_RELATIVE_DIFFERENCE
        return is_near and self.agreement >= MIN_AGREEMENT


class ParityError(SwiftnetError):
    """An exported network whose predictions differ from those of the torch network."""

    def __init__(self, path: Path, parity: Parity) -> None:
        super().__init__(
            f'{path} agrees with the torch network on {parity.agreement:.4%} of pixels, expected '
            f'at least {MIN_AGREEMENT:.1%}, and its logits differ by {parity.max_difference:.3g}, '
            f'{parity.relative_difference:.3g} of the largest, expected at most '
            f'{MAX_RELATIVE_DIFFERENCE:g}; the export is not usable with these versions of torch '
            'and onnx'
        )


class NetworkWithPreprocessing(nn.Module):
    """The network with the input of an ONNX model: RGB uint8 [1, H, W, 3]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Return logits [1, C, H/s, W/s]; TensorRT needs the cast first."""
        logits: Tensor = self.network(image.float().permute(0, 3, 1, 2))
        return logits


def export(
    checkpoint: Checkpoint, path: Path, name: str, height: int, width: int,
    miou: float | None = None, golden: Golden | None = None,
) -> Parity:  # fmt: skip
    """
    Write the ONNX file for frames stretched to height x width pixels and return its parity.

    Without a `golden` frame one is chosen. Raises NonFiniteLogitsError if logits of torch are no
    numbers, and ParityError, and keeps an older file, if those of the file are others.
    """
    network = NetworkWithPreprocessing(checkpoint.network()).eval()
    terms = checkpoint.known_terms
    spec = ModelSpec(
        name=name,
        classes=tuple(checkpoint.classes),
        unlabeled_id=unlabeled_id_for(len(checkpoint.classes)),
        ignored_source_ids=tuple(checkpoint.ignored_source_ids),
        input_height=height,
        input_width=width,
        output_stride=checkpoint.model.output_stride,
        fit='stretch',
        precision='fp32',
        trained_on=checkpoint.trained_on,
        miou=miou,
        widths=layer_widths(checkpoint.weights),
        calibration=None,
        license=terms.license,
        terms=terms.terms,
    )
    graph = _trace(network, height, width)
    measured: list[Parity] = []

    def check(written: Path) -> None:
        measured.append(measure_parity(network, written, height, width))
        if not measured[-1].is_sound:
            raise ParityError(path, measured[-1])

    write_model(graph, path, spec, golden or choose_golden(network, height, width), check)
    return measured[-1]


def export_calibrated(
    checkpoint: Checkpoint, path: Path, name: str, height: int, width: int,
    dataset: ImageLabelDataset,
) -> tuple[Parity, dict[str, Any], dict[str, Any]]:  # fmt: skip
    """
    Export with confidences that are the fractions of right pixels of a split.

    The temperature is folded into the last convolution, so that no label changes. Returns the
    parity, the metrics of the file, and those of its confidence before and after.
    """
    with TemporaryDirectory() as folder:
        plain = Path(folder) / 'plain.onnx'
        export(checkpoint, plain, name, height, width)
        golden = read_golden(plain)
        with open_backend(str(plain), 'openvino', 'fp32') as engine:
            before = predict_split(engine, dataset)
    fitted = fit_temperature(before.logits, before.classes)
    tries: list[tuple[int, float, Parity, dict[str, Any]]] = []
    for number in range(_TRIES):
        temperature = fitted * (1 + number * _NEXT)
        scaled = with_temperature(checkpoint, temperature)
        parity = export(scaled, path, name, height, width, golden=golden)
        with open_backend(str(path), 'openvino', 'fp32') as engine:
            predictor = ComparingPredictor(engine_predictor(engine), before.labels)
            metrics = evaluate(predictor, dataset)
        tries.append((predictor.changed, temperature, parity, metrics))
        if not predictor.changed:
            break
    changed, temperature, parity, metrics = min(tries, key=lambda item: item[0])
    if temperature != tries[-1][1]:
        scaled = with_temperature(checkpoint, temperature)
        parity = export(scaled, path, name, height, width, golden=golden)
    confidence = {
        'temperature': temperature,
        'ece_before': before.ece,
        'ece_after': metrics['ece'],
        'labels_changed': changed,
    }
    return parity, metrics, confidence


def measure_parity(network: nn.Module, path: Path, height: int, width: int) -> Parity:
    """Compare torch and the ONNX file on a rendered frame of the network's input size."""
    frame = Frame(render(FIRST_SEED['test'] + 1, height, width).image)
    expected = torch_logits(network, to_network_input(frame, height, width))
    with open_backend(str(path), 'openvino', 'fp32') as engine:
        predicted = engine.segment(frame, (height, width)).labels
        logits = engine.infer(to_network_input(frame, height, width))
        difference = float(np.abs(logits - expected).max())
    same = predicted == labels.from_logits(expected, height, width).labels
    # Logits of zero everywhere must not divide by zero.
    largest = max(float(np.abs(expected).max()), float(np.finfo(np.float32).tiny))
    return Parity(difference, float(same.mean()), difference / largest)


def _trace(network: nn.Module, height: int, width: int) -> onnx.ModelProto:
    """
    Return the traced graph, in which shared weights stay shared and batch norms stay nodes.

    By default the exporter folds norms into convolutions, so that every pyramid level gets its
    own copy of the encoder. PRESERVE prevents that, and the network is in evaluation mode.
    """
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # Sizes are static, so that values derived from them may become constants.
        warnings.filterwarnings('ignore', message='Converting a tensor to a Python')
        warnings.filterwarnings('ignore', message='torch.from_numpy results are registered')
        path = Path(folder) / 'traced.onnx'
        torch.onnx.export(
            network,
            (torch.zeros(1, height, width, 3, dtype=torch.uint8),),
            path,
            input_names=['image'],
            output_names=['logits'],
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
        return _fold_sizes(onnx.load_model(path))


def _fold_sizes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold values that depend on static sizes only; norms and shared weights stay."""
    graph = onnx_ir.from_proto(model)
    optimizer.fold_constants(graph, onnx_shape_inference=True)
    optimizer.remove_unused_nodes(graph)
    return onnx_ir.to_proto(graph)
