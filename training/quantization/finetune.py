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
Quantization-aware fine-tuning, the last step where rounding a trained network costs too much.

The INT8 graph itself is trained, with fake quantizers where it has its pairs, norms folded and
so frozen. It learns to give the float network's answers, which needs no labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import InvalidModelError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec, read_golden, read_model, read_spec, write
from swiftnet_ros.model_spec.qdq import check_pairs
import torch
from torch import Tensor
import torch.nn.functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import tqdm
from training.quantization.calibration_images import Pictures
from training.quantization.folding import fold
from training.quantization.onnx_to_torch import float_weights, GraphNetwork, quantized_weights
from training.quantization.scorer import Scorer


@dataclass(frozen=True)
class FinetuneOptions:
    """Steps of so many pictures each, the first step size, and the seed of their order."""

    steps: int = 200
    batch_size: int = 4
    lr: float = 1e-5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot train."""
        for name, value in (('--steps', self.steps), ('--batch-size', self.batch_size)):
            if value < 1:
                raise InvalidValueError(name, value, 'at least 1')
        if self.lr <= 0:
            raise InvalidValueError('--lr', self.lr, 'a number above 0')


@dataclass(frozen=True)
class Finetuned:
    """The files of one fine-tuning: float source, INT8 file as it was, pictures."""

    source: Path
    quantized: Path
    training: Pictures
    held_out: Pictures


def finetune(task: Finetuned, out: Path, options: FinetuneOptions) -> dict[str, Any]:
    """Train, write `out`, and give what it was measured to be on the held-out pictures."""
    spec, model = read_spec(task.quantized), read_model(task.quantized)
    if spec.precision != 'int8' or spec.calibration is None:
        reason = 'it is no int8 file of python -m training quantize, which has to come first'
        raise InvalidModelError(task.quantized, reason)
    bits = spec.calibration['weight_bits']
    folded = fold(read_model(task.source)).model
    student = GraphNetwork(model, float_weights(folded), bits)
    teacher = GraphNetwork(ir.to_proto(folded), {})
    losses = train(student, teacher, spec, task.training, options)
    trained = quantized_weights(student, model, bits)
    check_pairs(trained, out)
    return _record(task, out, spec, (model, trained), {**vars(options), 'loss': losses[-1]})


def train(
    student: GraphNetwork,
    teacher: GraphNetwork,
    spec: ModelSpec,
    pictures: Pictures,
    options: FinetuneOptions,
) -> list[float]:
    """Teach the float network's class probabilities to the quantized one; give all losses."""
    optimizer = Adam(student.parameters(), lr=options.lr)
    scheduler = CosineAnnealingLR(optimizer, options.steps)
    losses = []
    batches = _batches(pictures, spec, options)
    for _ in tqdm(range(options.steps), 'fine-tune', disable=None):
        images = next(batches)
        with torch.no_grad():
            wanted = F.log_softmax(teacher(images), 1)
        given = F.log_softmax(student(images), 1)
        loss = F.kl_div(given, wanted, reduction='none', log_target=True).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
    return losses


def _batches(pictures: Pictures, spec: ModelSpec, options: FinetuneOptions) -> Iterator[Tensor]:
    """Give pictures as the runtime gives them to the network, half of them mirrored, for ever."""
    random = np.random.default_rng(options.seed)
    while True:
        images = []
        for index in random.integers(len(pictures), size=options.batch_size).tolist():
            frame = Frame(pictures[index].image)
            image = to_network_input(frame, spec.input_height, spec.input_width)
            images.append(image[:, :, ::-1] if random.random() < 0.5 else image)
        yield torch.from_numpy(np.concatenate(images))


def _record(
    task: Finetuned,
    out: Path,
    spec: ModelSpec,
    models: tuple[onnx.ModelProto, onnx.ModelProto],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Measure the networks before and after, write the last one with it in its specification."""
    scorer = Scorer(task.held_out, task.source, spec)
    before, after = (scorer.score(model) for model in models)
    figures = {
        'miou_before': scorer.before.miou,
        'miou_after': after.miou,
        'agreement': after.agreement,
        'measured_on': f'{len(task.held_out)} held-out images',
    }
    finetuning = {**settings, 'miou_untuned': before.miou, 'agreement_untuned': before.agreement}
    record = {**(spec.calibration or {}), **figures, 'finetuning': finetuning}
    final = replace(spec, calibration=record, miou=None)
    write(models[1], out, final, read_golden(task.source))
    return {**figures, **finetuning, 'layers_float': record['layers_float']}
