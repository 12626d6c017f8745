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


"""From a float ONNX file and pictures to one INT8 file that records how it was made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx
from swiftnet_ros.errors import UnknownNameError
from swiftnet_ros.model_spec import ModelSpec, read_golden, read_model, read_spec, write
from swiftnet_ros.model_spec.qdq import check_pairs
from training.quantization.calibration_images import (
    names_and_hash,
    NetworkInputs,
    Pictures,
    Subset,
)
from training.quantization.histograms import METHODS
from training.quantization.qdq_writer import WEIGHT_BITS
from training.quantization.quantizer import checked_source, Quantizer
from training.quantization.scorer import Score, Scorer
from training.quantization.sensitivity import choose_float_layers, FloatLayers, sensitivity

AUTO = 'auto'


@dataclass(frozen=True)
class Choices:
    """What the user chose; `source` names the pictures in the record."""

    source: str
    method: str = AUTO
    seed: int = 0
    weight_bits: int = WEIGHT_BITS
    float_layers: FloatLayers = field(default_factory=FloatLayers)
    with_sensitivity: bool = False


@dataclass(frozen=True)
class Outcome:
    """A quantized network, how it was made, and what it was measured to be."""

    model: onnx.ModelProto
    quantizer: Quantizer
    method: str
    scores: Mapping[str, Score]
    losses: Mapping[str, float] | None
    record: dict[str, Any]


def quantize(path: Path, calibration: Subset, held_out: Pictures, choices: Choices) -> Outcome:
    """Calibrate on some pictures and make all choices by others; nothing is written."""
    if choices.method not in (AUTO, *METHODS):
        raise UnknownNameError('method', choices.method, (AUTO, *METHODS))
    spec, source = read_spec(path), read_model(path)
    quantizer = Quantizer(checked_source(source, spec, path), choices.weight_bits)
    quantizer.placement(choices.float_layers.names)
    quantizer.calibrate(NetworkInputs(calibration, spec.input_height, spec.input_width))
    scorer = Scorer(held_out, path, spec)
    methods = list(METHODS) if choices.method == AUTO else [choices.method]
    scores = {name: scorer.score(quantizer.model(name)) for name in methods}
    method = max(methods, key=lambda name: scores[name].points)
    table = sensitivity(quantizer, scorer, method) if choices.with_sensitivity else None
    kept, losses = choose_float_layers(quantizer, scorer, method, choices.float_layers, table)
    model = quantizer.model(method, kept)
    check_pairs(model, path)
    after = scorer.score(model) if kept else scores[method]
    record = {
        **_provenance(calibration, choices),
        'method': method,
        'layers_float': kept,
        **_figures(scorer, after, held_out, f'held-out images of {choices.source}'),
        'golden_agreement': scorer.golden_agreement(model, path),
    }
    return Outcome(model, quantizer, method, scores, losses, record)


def measure(outcome: Outcome, source: Path, pictures: Pictures, name: str) -> None:
    """Measure again on a whole split, which had no part in any choice."""
    scorer = Scorer(pictures, source, read_spec(source))
    after = scorer.score(outcome.model)
    outcome.record.update(_figures(scorer, after, pictures, f'images of {name}'))


def _figures(scorer: Scorer, after: Score, pictures: Pictures, of: str) -> dict[str, Any]:
    return {
        'miou_before': scorer.before.miou,
        'miou_after': after.miou,
        'agreement': after.agreement,
        'measured_on': f'{len(pictures)} {of}',
    }


def _provenance(calibration: Subset, choices: Choices) -> dict[str, Any]:
    names, digest = names_and_hash(calibration)
    return {
        'source': choices.source,
        'count': len(names),
        'seed': choices.seed,
        'images': names,
        'images_sha256': digest,
        'weight_bits': choices.weight_bits,
    }


def save(outcome: Outcome, source: Path, out: Path, miou: float | None) -> ModelSpec:
    """Write the file, whose specification holds the record; the golden labels stay FP32's."""
    spec = replace(read_spec(source), precision='int8', miou=miou, calibration=outcome.record)
    write(outcome.model, out, spec, read_golden(source))
    return spec


def summary(outcome: Outcome) -> dict[str, Any]:
    """List what the command prints as JSON."""
    keys = ('miou_before', 'miou_after', 'agreement', 'layers_float', 'measured_on', 'method')
    shown = {key: outcome.record[key] for key in keys}
    shown['methods'] = {name: asdict(score) for name, score in outcome.scores.items()}
    shown['sensitivity'] = outcome.losses
    return shown
