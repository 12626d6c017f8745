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

"""Measure how sensitive each layer is to quantization, and choose the layers to keep in float."""

from collections.abc import Mapping
from dataclasses import dataclass

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.system.progress import progress
from training.quantization.calibrate import CalibrationError
from training.quantization.quantizer import Quantizer
from training.quantization.scorer import Scorer


@dataclass(frozen=True)
class FloatLayers:
    """Layers to keep in float: the `count` most sensitive, named ones, or by a maximum loss."""

    count: int = 0
    names: tuple[str, ...] = ()
    max_drop: float | None = None


def sensitivity(quantizer: Quantizer, scorer: Scorer, method: str) -> dict[str, float]:
    """
    Return the points lost when each layer alone is quantized, most sensitive first.

    Points are percent of mIoU, or of agreement if there are no labels.
    """
    losses = {}
    for name in progress(quantizer.layers, 'sensitivity'):
        others = [other for other in quantizer.layers if other != name]
        losses[name] = _points_lost(quantizer, scorer, method, others)
    return dict(sorted(losses.items(), key=lambda item: -item[1]))


def choose_float_layers(
    quantizer: Quantizer,
    scorer: Scorer,
    method: str,
    wanted: FloatLayers,
    losses: Mapping[str, float] | None,
) -> tuple[list[str], Mapping[str, float] | None]:
    """
    Return the layers to keep in float, and the sensitivities if they were measured.

    With `max_drop` layers are added, most sensitive first, until the loss is small enough.
    """
    kept = list(wanted.names)
    if not 0 <= wanted.count <= len(quantizer.layers):
        expected = f'0 to {len(quantizer.layers)} layers, or names of layers'
        raise InvalidValueError('--keep-float', wanted.count, expected)
    if wanted.count:
        losses = losses or sensitivity(quantizer, scorer, method)
        kept += list(losses)[: wanted.count]
    if wanted.max_drop is None or _points_lost(quantizer, scorer, method, kept) <= wanted.max_drop:
        return kept, losses
    losses = losses or sensitivity(quantizer, scorer, method)
    for name in losses:
        if name not in kept:
            kept.append(name)
            if _points_lost(quantizer, scorer, method, kept) <= wanted.max_drop:
                return kept, losses
    raise CalibrationError(
        f'even with every layer in float the loss is above {wanted.max_drop} points; pass a '
        'larger --max-drop'
    )


def _points_lost(quantizer: Quantizer, scorer: Scorer, method: str, kept: list[str]) -> float:
    return scorer.before.points - scorer.score(quantizer.model(method, kept)).points
