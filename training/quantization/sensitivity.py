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


"""Which layers lose most when they are quantized, and which to leave in float for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from swiftnet_ros.errors import InvalidValueError
from tqdm import tqdm
from training.quantization.calibrate import CalibrationError
from training.quantization.quantizer import Quantizer
from training.quantization.scorer import Score, Scorer


@dataclass(frozen=True)
class FloatLayers:
    """What the user wants in float: the `count` most sensitive layers, named ones, or a goal."""

    count: int = 0
    names: tuple[str, ...] = ()
    max_drop: float | None = None


def sensitivity(quantizer: Quantizer, scorer: Scorer, method: str) -> dict[str, float]:
    """
    Give the points that each layer loses when it alone is quantized, the worst first.

    Points are percent of mIoU, or of agreement where there are no labels.
    """
    losses = {}
    for name in tqdm(quantizer.layers, 'sensitivity', disable=None):
        others = [other for other in quantizer.layers if other != name]
        score = scorer.score(quantizer.model(method, others))
        losses[name] = scorer.before.points - score.points
    return dict(sorted(losses.items(), key=lambda item: -item[1]))


def choose_float_layers(
    quantizer: Quantizer,
    scorer: Scorer,
    method: str,
    wanted: FloatLayers,
    losses: Mapping[str, float] | None,
) -> tuple[list[str], Mapping[str, float] | None]:
    """
    Choose the layers that stay in float; give them and the sensitivities, if they were measured.

    With `max_drop` layers are added in the order of their sensitivity until it is kept.
    """
    kept = list(wanted.names)
    if not 0 <= wanted.count <= len(quantizer.layers):
        expected = f'0 to {len(quantizer.layers)} layers, or names of layers'
        raise InvalidValueError('--keep-float', wanted.count, expected)
    if wanted.count:
        losses = losses or sensitivity(quantizer, scorer, method)
        kept += list(losses)[: wanted.count]
    if wanted.max_drop is None or _drop(quantizer, scorer, method, kept) <= wanted.max_drop:
        return kept, losses
    losses = losses or sensitivity(quantizer, scorer, method)
    for name in losses:
        if name not in kept:
            kept.append(name)
            if _drop(quantizer, scorer, method, kept) <= wanted.max_drop:
                return kept, losses
    raise CalibrationError(
        f'even in float throughout the network loses more than {wanted.max_drop} points; give a '
        'larger --max-drop'
    )


def _drop(quantizer: Quantizer, scorer: Scorer, method: str, kept: list[str]) -> float:
    score: Score = scorer.score(quantizer.model(method, kept))
    return scorer.before.points - score.points
