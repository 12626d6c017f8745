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


"""Load a model: open it and compare its predictions with its own golden labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.model_spec import Golden, ModelFile, ModelSpec
from swiftnet_ros.segmenter import Segmenter

# The shipped models reach 0.987 in bf16, and 0.971 in INT8, whose calibration images may differ
# much from the golden frame.
_MIN_AGREEMENT_FLOAT = 0.98
_MIN_AGREEMENT_INT8 = 0.95
_GRAY = 128


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """
    An open model that passed the self-check; `close` closes it.

    `backend_choice` says why it is that backend, empty if it was chosen by name. `path`, `sha256`
    and `file_bytes` are those of the model, `file` is what the backend opened. `agreement` is the
    fraction of the golden labels that were predicted, None for a model without a golden frame.
    """

    segmenter: Segmenter
    backend_choice: str
    path: Path
    file: EngineFile
    sha256: str
    file_bytes: int
    agreement: Optional[float]

    @property
    def spec(self) -> ModelSpec:
        """Return the specification of the model."""
        return self.segmenter.spec

    def close(self) -> None:
        """Close the segmenter."""
        self.segmenter.close()


def load_model(
    model: str, options: BackendOptions, build: Optional[EngineBuild] = None
) -> LoadedModel:
    """
    Open a model, by its path or the name of a shipped one, and run the self-check.

    `build` reports the build of an engine and can cancel it. NonFiniteLogitsError if the logits of
    the golden frame are no numbers, SelfCheckError if the predictions differ too much; another
    SwiftnetError if the model cannot be opened. It must be used and
    closed by the thread that opened it.
    """
    opened = open_model_file(model, options, build)
    segmenter, file = Segmenter(opened.backend), opened.model
    try:
        segmenter.check_logits(_check_frame(file))
        agreement = None if file.golden is None else golden_agreement(segmenter, file.golden)
        minimum = options.self_check_min_agreement
        if minimum < 0:
            minimum = _usual_agreement(segmenter)
        if agreement is not None and agreement < minimum:
            raise SelfCheckError(agreement, minimum)
    except BaseException:
        segmenter.close()
        raise
    return LoadedModel(
        segmenter=segmenter,
        backend_choice=opened.choice,
        path=file.path,
        file=opened.file,
        sha256=file.sha256,
        file_bytes=file.size,
        agreement=agreement,
    )


def _check_frame(file: ModelFile) -> Frame:
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


def _usual_agreement(segmenter: Segmenter) -> float:
    """Return what a working engine agrees on at least; a float model may be built in INT8."""
    is_int8 = 'int8' in (segmenter.spec.precision, *segmenter.precision.split('+'))
    return _MIN_AGREEMENT_INT8 if is_int8 else _MIN_AGREEMENT_FLOAT
