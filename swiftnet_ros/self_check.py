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


"""The self-check: an engine must predict the labels of its model's golden frame."""

from typing import Optional

import numpy as np
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.model_spec import Golden, ModelFile
from swiftnet_ros.segmenter import Segmenter

# Of a golden frame that has none of its own, and on which the network need not be sure.
_MIN_AGREEMENT_FLOAT = 0.98
_MIN_AGREEMENT_INT8 = 0.95
_GRAY = 128


def self_check(segmenter: Segmenter, file: ModelFile, minimum: float) -> Optional[float]:
    """
    Return the fraction of the golden labels that are predicted, None without a golden frame.

    NonFiniteLogitsError if the logits of that frame are no numbers, SelfCheckError below
    `minimum`, of which a negative one stands for that of the golden frame and the precision.
    """
    segmenter.check_logits(check_frame(file))
    if file.golden is None:
        return None
    agreement = golden_agreement(segmenter, file.golden)
    minimum = _usual_agreement(segmenter, file.golden) if minimum < 0 else minimum
    if agreement < minimum:
        raise SelfCheckError(agreement, minimum)
    return agreement


def check_frame(file: ModelFile) -> Frame:
    """Return the golden frame, or a gray one for a model without."""
    if file.golden is not None:
        return Frame(file.golden.frame)
    size = (file.spec.input_height, file.spec.input_width)
    return Frame(np.full((*size, 3), _GRAY, np.uint8))


def golden_agreement(segmenter: Segmenter, golden: Golden) -> float:
    """
    Return the fraction of the golden labels that are predicted.

    They were predicted by the FP32 network in torch, never by the engine that is checked.
    """
    height, width = golden.labels.shape
    result = segmenter.segment(Frame(golden.frame), output_size=(height, width))
    return float(np.mean(result.labels == golden.labels))


def _usual_agreement(segmenter: Segmenter, golden: Golden) -> float:
    """
    Return what a sound engine agrees on at least: the lowest number of its precisions.

    A float model may be built in INT8, with some layers in FP16.
    """
    precisions = (segmenter.spec.precision, *segmenter.precision.split('+'))
    return min(
        golden.min_agreement.get(
            name, _MIN_AGREEMENT_INT8 if name == 'int8' else _MIN_AGREEMENT_FLOAT
        )
        for name in precisions
    )
