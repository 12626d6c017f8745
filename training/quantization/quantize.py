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

"""Post-training quantization (PTQ) of an FP32 file to an INT8 file that records its provenance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.model_spec import ModelFile, ModelSpec, read_model_file, write_model
from swiftnet_ros.model_spec.qdq import check_pairs
from swiftnet_ros.text import safe_text
from training.quantization.calibration_images import (
    CalibrationImages,
    ImageSubset,
    names_and_hash,
    NetworkInputs,
)
from training.quantization.histograms import METHODS
from training.quantization.qdq_writer import WEIGHT_BITS
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.quantization.scorer import Score, Scorer
from training.quantization.sensitivity import choose_float_layers, FloatLayers, sensitivity

AUTO = 'auto'


@dataclass(frozen=True)
class PtqOptions:
    """The options of a quantization; `source` names the images in the record."""

    source: str
    method: str = AUTO
    seed: int = 0
    weight_bits: int = WEIGHT_BITS
    float_layers: FloatLayers = field(default_factory=FloatLayers)
    with_sensitivity: bool = False


@dataclass(frozen=True)
class QuantizationResult:
    """
    A quantized network, the file that it was made from, its quantizer, and its metrics.

    `scores` are by calibration method, `sensitivities` by layer (None if not measured); `record`
    is stored in the file's specification.
    """

    model: onnx.ModelProto
    source: ModelFile
    quantizer: Quantizer
    method: str
    scores: Mapping[str, Score]
    sensitivities: Mapping[str, float] | None
    record: dict[str, Any]


def quantize(
    path: Path, calibration: ImageSubset, held_out: CalibrationImages, options: PtqOptions
) -> QuantizationResult:
    """Calibrate on some images and choose method and float layers on others; write nothing."""
    if options.method not in (AUTO, *METHODS):
        raise UnknownNameError('method', options.method, (AUTO, *METHODS))
    # Read once: hours may pass until the result is written.
    source = read_model_file(path)
    spec = source.spec
    assert source.graph is not None
    quantizer = Quantizer(fold_for_quantization(source.graph, spec, path), options.weight_bits)
    # Unknown layer names are an error before the slow calibration.
    quantizer.placement(options.float_layers.names)
    quantizer.calibrate(NetworkInputs(calibration, spec.input_height, spec.input_width))
    scorer = Scorer(held_out, path, spec)
    methods = list(METHODS) if options.method == AUTO else [options.method]
    scores = {name: scorer.score(quantizer.model(name)) for name in methods}
    method = max(methods, key=lambda name: scores[name].points)
    table = sensitivity(quantizer, scorer, method) if options.with_sensitivity else None
    kept, losses = choose_float_layers(quantizer, scorer, method, options.float_layers, table)
    model = quantizer.model(method, kept)
    check_pairs(model, path)
    after = scorer.score(model) if kept else scores[method]
    record = {
        **_provenance(calibration, options),
        'method': method,
        'layers_float': kept,
        **scorer.metrics(after, f'held-out images of {safe_text(options.source)}'),
        'golden_agreement': scorer.golden_agreement(model, source.golden),
    }
    return QuantizationResult(model, source, quantizer, method, scores, losses, record)


def measure_split(result: QuantizationResult, images: CalibrationImages, name: str) -> None:
    """Replace the metrics in the record by those of a whole split, not used for any choice."""
    scorer = Scorer(images, result.source.path, result.source.spec)
    after = scorer.score(result.model)
    result.record.update(scorer.metrics(after, f'images of {name}'))


def save(result: QuantizationResult, out: Path, miou: float | None) -> ModelSpec:
    """Write the INT8 file with its record; the golden frame is that of the FP32 file."""
    spec = replace(result.source.spec, precision='int8', miou=miou, calibration=result.record)
    write_model(result.model, out, spec, result.source.golden)
    return spec


def summary(result: QuantizationResult) -> dict[str, Any]:
    """Return what the command prints with --json."""
    keys = ('miou_before', 'miou_after', 'agreement', 'layers_float', 'measured_on', 'method')
    shown = {key: result.record[key] for key in keys}
    shown['methods'] = {name: asdict(score) for name, score in result.scores.items()}
    shown['sensitivity'] = result.sensitivities
    return shown


def _provenance(calibration: ImageSubset, options: PtqOptions) -> dict[str, Any]:
    names, digest = names_and_hash(calibration)
    return {
        # File names may hold what the specification refuses, as bytes that are not UTF-8.
        'source': safe_text(options.source),
        'count': len(names),
        'seed': options.seed,
        'images': [safe_text(name) for name in names],
        'images_sha256': digest,
        'weight_bits': options.weight_bits,
    }
