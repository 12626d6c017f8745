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

"""
Quantization-aware training (QAT): fine-tune an INT8 network after post-training quantization.

The INT8 graph itself is trained, with fake quantizers in place of its Q/DQ pairs and with batch
norms folded and thereby frozen. It is distilled from the float network, which needs no labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import InvalidModelError, InvalidValueError, NonFiniteValueError
from swiftnet_ros.model_spec import ModelSpec, read_model_file, write_model
from swiftnet_ros.model_spec.qdq import check_pairs
from swiftnet_ros.model_spec.spec import is_integer
from swiftnet_ros.system.progress import progress
from swiftnet_ros.text import safe_repr
import torch
from torch import Tensor
import torch.nn.functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from training.quantization.calibration_images import CalibrationImages
from training.quantization.folding import fold_batch_norms
from training.quantization.onnx_to_torch import float_weights, OnnxNetwork, with_trained_weights
from training.quantization.scorer import Scorer


@dataclass(frozen=True)
class QatOptions:
    """Optimizer steps, images per step, initial learning rate, and the seed of their order."""

    steps: int = 200
    batch_size: int = 4
    lr: float = 1e-5
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (('--steps', self.steps), ('--batch-size', self.batch_size)):
            if value < 1:
                raise InvalidValueError(name, value, 'at least 1')
        if not 0 < self.lr < math.inf:
            raise InvalidValueError('--lr', self.lr, 'a number above 0')


@dataclass(frozen=True)
class QatInputs:
    """The FP32 file, its INT8 file from PTQ, and the images to train and to measure on."""

    source: Path
    quantized: Path
    training: CalibrationImages
    held_out: CalibrationImages


def finetune_int8(inputs: QatInputs, out: Path, options: QatOptions) -> dict[str, Any]:
    """Train, write the INT8 file `out`, and return its metrics on the held-out images."""
    # Each is read once: training takes long, and the files may be replaced meanwhile.
    quantized, source = read_model_file(inputs.quantized), read_model_file(inputs.source)
    spec, model = quantized.spec, quantized.graph
    assert model is not None and source.graph is not None
    if spec.precision != 'int8' or spec.calibration is None:
        reason = 'it is not an int8 file of python -m training quantize, which has to run first'
        raise InvalidModelError(inputs.quantized, reason)
    bits: Any = spec.calibration.get('weight_bits')
    if not is_integer(bits, 2, 8):
        reason = f'weight_bits of its calibration is {safe_repr(bits)}, expected 2 to 8'
        raise InvalidModelError(inputs.quantized, reason)
    folded = fold_batch_norms(source.graph).model
    student = OnnxNetwork(model, float_weights(folded), bits)
    teacher = OnnxNetwork(ir.to_proto(folded), {})
    losses = distill(student, teacher, spec, inputs.training, options)
    trained = with_trained_weights(model, student, bits)
    check_pairs(trained, out)
    scorer = Scorer(inputs.held_out, inputs.source, spec)
    before, after = scorer.score(model), scorer.score(trained)
    metrics = {
        **scorer.metrics(after, 'held-out images'),
        'golden_agreement': scorer.golden_agreement(trained, source.golden),
    }
    untuned = {'miou_untuned': before.miou, 'agreement_untuned': before.agreement}
    finetuning = {**vars(options), 'loss': losses[-1], **untuned}
    record = {**spec.calibration, **metrics, 'finetuning': finetuning}
    final = replace(spec, calibration=record, miou=None)
    write_model(trained, out, final, source.golden)
    return {**metrics, **finetuning, 'layers_float': record['layers_float']}


def distill(
    student: OnnxNetwork,
    teacher: OnnxNetwork,
    spec: ModelSpec,
    images: CalibrationImages,
    options: QatOptions,
) -> list[float]:
    """Train the student on the teacher's class probabilities; return the loss of every step."""
    optimizer = Adam(student.parameters(), lr=options.lr)
    scheduler = CosineAnnealingLR(optimizer, options.steps)
    losses = []
    batches = _batches(images, spec, options)
    for step in progress(range(options.steps), 'fine-tune'):
        batch = next(batches)
        with torch.no_grad():
            target = F.log_softmax(teacher(batch), 1)
        prediction = F.log_softmax(student(batch), 1)
        loss = F.kl_div(prediction, target, reduction='none', log_target=True).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            remedy = 'nothing is written; fine-tune with a lower --lr'
            raise NonFiniteValueError(f'the loss of step {step + 1}', losses[-1], remedy)
    return losses


def _batches(images: CalibrationImages, spec: ModelSpec, options: QatOptions) -> Iterator[Tensor]:
    """Yield batches [N, H, W, 3] preprocessed as at runtime, half of the images mirrored."""
    random = np.random.default_rng(options.seed)
    while True:
        inputs = []
        for index in random.integers(len(images), size=options.batch_size).tolist():
            frame = Frame(images[index].image)
            image = to_network_input(frame, spec.input_height, spec.input_width)
            inputs.append(image[:, :, ::-1] if random.random() < 0.5 else image)
        yield torch.from_numpy(np.concatenate(inputs))
