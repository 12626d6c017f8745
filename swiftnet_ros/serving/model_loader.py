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

"""A model that an engine has opened and that has passed the self-check."""

from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import Optional

import numpy as np
from swiftnet_ros.backends.base import Engine
from swiftnet_ros.backends.registry import golden_of, open_engine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import palette, Pixels
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.model_spec import Golden, ModelSpec
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.serving.engine_build import EngineBuild, EngineFile, ModelChoice


def check_engine(engine: Engine, golden: Golden) -> float:
    """
    Segment the golden frame; give the fraction of its pixels that get the golden label.

    The golden labels come from the FP32 network in torch, never from the engine under test.
    """
    height, width = golden.labels.shape
    answer = engine.segment(Frame(golden.frame, 'rgb'), (height, width))
    return float(np.mean(answer.labels == golden.labels))


# What the shipped models agreed on at least: 0.987 in bf16; 0.971 of an INT8 file, whose golden
# frame may be far from what it was calibrated with.
_USUAL_FLOAT = 0.98
_USUAL_INT8 = 0.95


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """
    An open engine and what its files are; whoever loaded it closes the engine.

    `engine_choice` says why it is that engine, empty if it was asked for by name.
    `path`, `sha256` and `file_bytes` are those of the model, `file` is what the engine opened.
    `agreement` is the fraction of the golden labels that the engine gives, None where the model
    has no golden frame. `bgr_palette` is uint8 [unlabeled_id + 1, 3].
    """

    engine: Engine
    engine_choice: str
    segmenter: Segmenter
    path: Path
    file: EngineFile
    sha256: str
    file_bytes: int
    agreement: Optional[float]
    bgr_palette: Pixels

    @property
    def spec(self) -> ModelSpec:
        """Give the specification of the model."""
        return self.engine.spec


def load_model(choice: ModelChoice, build: Optional[EngineBuild] = None) -> LoadedModel:
    """
    Open a model and check it on its golden frame, where it has one.

    Where its engine is built, `build` says how far that is and can call it off. SelfCheckError
    if the engine agrees too little; other SwiftnetErrors if it cannot be opened. An engine must
    be used and closed by the thread that opened it.
    """
    build = build or EngineBuild(choice)
    path = build.model()
    golden, content = golden_of(path), path.read_bytes()
    with build.engine_file(path) as file:
        engine = open_engine(file.path, file.engine, choice.precision, choice.threads)
    try:
        agreement = None if golden is None else check_engine(engine, golden)
        minimum = choice.min_agreement if choice.min_agreement >= 0 else _usual(engine)
        if agreement is not None and agreement < minimum:
            raise SelfCheckError(agreement, minimum)
    except BaseException:
        engine.close()
        raise
    return LoadedModel(
        engine=engine,
        engine_choice=build.why,
        segmenter=Segmenter(engine),
        path=path,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        file_bytes=len(content),
        agreement=agreement,
        bgr_palette=palette(engine.spec.colors, engine.spec.unlabeled_id)[:, ::-1].copy(),
    )


def _usual(engine: Engine) -> float:
    """Give what a sound engine agrees on at least; a float model may be built in INT8."""
    is_int8 = 'int8' in (engine.spec.precision, *engine.precision.split('+'))
    return _USUAL_INT8 if is_int8 else _USUAL_FLOAT
