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

"""Choose the golden frame of a model: a rendered frame on which the FP32 network is sure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from swiftnet_ros.core import labels
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.model_spec import Golden
from swiftnet_ros.system.progress import progress
import torch
from torch import nn
from training.datasets.warehouse import FIRST_SEED
from training.evaluation.evaluate import check_logits
from training.models.layers import IMAGENET_MEAN
from training.warehouse_renderer import render

# The fraction of the golden labels that a sound engine predicts at least, by its precision.
MIN_AGREEMENT = {'fp32': 0.99, 'bf16': 0.98, 'fp16': 0.98, 'int8': 0.97}
FRAMES = 300
SIZE = (144, 256)
# A frame has a class if at least this fraction of it has.
_MIN_CLASSES, _MIN_SHARE = 4, 0.01
# Two classes are far apart if their logits differ by this part of the logits' deviation, which
# rounding to INT8 does not bridge. It does not depend on the temperature.
_FAR = 0.25
# With a fault in preprocessing a frame has to agree this much less than the lowest minimum.
_MARGIN = 0.015
_TRIED = 25


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A frame with its labels by the network, and how sure it is of them: a fraction."""

    frame: npt.NDArray[np.uint8]
    labels: labels.Labels
    sureness: float

    @property
    def rank(self) -> tuple[int, float]:
        """Return what the best candidate has the largest of."""
        counts = np.bincount(self.labels.ravel())
        classes = int((counts >= _MIN_SHARE * self.labels.size).sum())
        return min(classes, _MIN_CLASSES), self.sureness


def choose_golden(network: nn.Module, height: int, width: int) -> Golden:
    """
    Return the rendered frame on which a network is surest, with what engines must reach on it.

    At least four classes occur in it, if they do in any frame, and swapped channels or a missing
    mean change more labels than any precision may. `network` takes RGB, [1, height, width, 3].
    """
    candidates = [
        _candidate(network, frame, height, width)
        for frame in progress(rendered_frames(FRAMES), 'choose golden frame')
    ]
    candidates.sort(key=lambda candidate: candidate.rank, reverse=True)
    needed = min(MIN_AGREEMENT.values()) - _MARGIN
    found: list[tuple[float, _Candidate]] = []
    for candidate in candidates[:_TRIED]:
        found.append((_faulty_agreement(network, candidate, height, width), candidate))
        if found[-1][0] < needed:
            break
    _, best = min(found, key=lambda item: item[0])
    return Golden(best.frame, best.labels, MIN_AGREEMENT)


@lru_cache(maxsize=1)
def rendered_frames(count: int) -> tuple[npt.NDArray[np.uint8], ...]:
    """Return the first frames of the test seeds, uint8 [H, W, 3] in RGB."""
    seeds = range(FIRST_SEED['test'], FIRST_SEED['test'] + count)
    return tuple(render(seed, *SIZE).image for seed in progress(seeds, 'render'))


def torch_logits(network: nn.Module, image: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Return logits [C, h, w] of RGB [1, H, W, 3]; raise NonFiniteLogitsError."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(image))[0].numpy()
    check_logits(logits, 'the checkpoint', 'fp32')
    return np.asarray(logits, np.float32)


def _candidate(
    network: nn.Module, frame: npt.NDArray[np.uint8], height: int, width: int
) -> _Candidate:
    logits = torch_logits(network, to_network_input(Frame(frame), height, width))
    second, first = np.partition(logits, (-2, -1), axis=0)[-2:] if len(logits) > 1 else (0, logits)
    sureness = float(np.mean(first - second > _FAR * logits.std()))
    return _Candidate(frame, labels.from_logits(logits, *SIZE).labels, sureness)


def _faulty_agreement(network: nn.Module, candidate: _Candidate, height: int, width: int) -> float:
    """Return the fraction of the labels that stay with the least harmful fault."""
    image = to_network_input(Frame(candidate.frame), height, width)
    return max(
        float(np.mean(_labels(network, faulty) == candidate.labels)) for faulty in _faults(image)
    )


def _faults(image: npt.NDArray[np.uint8]) -> Iterable[npt.NDArray[np.generic]]:
    """Yield a network input with swapped channels, and one whose mean is not subtracted."""
    yield np.ascontiguousarray(image[..., ::-1])
    yield image + np.array(IMAGENET_MEAN, np.float32) * 255


def _labels(network: nn.Module, image: npt.NDArray[np.generic]) -> labels.Labels:
    return labels.from_logits(torch_logits(network, image), *SIZE).labels
