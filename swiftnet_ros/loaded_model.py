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

from swiftnet_ros.engines.base import Engine
from swiftnet_ros.engines.open_engine import open_engine
from swiftnet_ros.errors import SelfCheckError
from swiftnet_ros.labels import palette, Pixels
from swiftnet_ros.model_spec import ModelSpec, read_golden
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.self_check import check_engine
from swiftnet_ros.shipped_models import find_model

# What the shipped models agreed on at least: 0.987 in bf16; 0.971 of an INT8 file, whose golden
# frame may be far from what it was calibrated with.
_USUAL_FLOAT = 0.98
_USUAL = {'int8': 0.95}


@dataclass(frozen=True)
class ModelChoice:
    """
    Which model to open, with what, and how well it must do on its own golden frame.

    A negative `min_agreement` asks for what a sound engine has been seen to reach.
    """

    model: str
    engine: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    min_agreement: float = -1.0


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """
    An open engine and what its file is; whoever loaded it closes the engine.

    `agreement` is the fraction of the golden labels that the engine gives, None where the model
    has no golden frame. `bgr_palette` is uint8 [unlabeled_id + 1, 3].
    """

    engine: Engine
    segmenter: Segmenter
    path: Path
    sha256: str
    file_bytes: int
    agreement: Optional[float]
    bgr_palette: Pixels

    @property
    def spec(self) -> ModelSpec:
        """Give the specification of the model."""
        return self.engine.spec


def load_model(choice: ModelChoice) -> LoadedModel:
    """
    Open a model and check it on its golden frame, where it has one.

    SelfCheckError if it agrees too little; other SwiftnetErrors if it cannot be opened. An
    engine must be used and closed by the thread that opened it.
    """
    path = find_model(choice.model)
    golden, content = read_golden(path), path.read_bytes()
    engine = open_engine(path, choice.engine, choice.precision, choice.threads)
    agreement = None
    if golden is not None:
        agreement = check_engine(engine, golden)
        minimum = choice.min_agreement
        if minimum < 0:
            minimum = _USUAL.get(engine.spec.precision, _USUAL_FLOAT)
        if agreement < minimum:
            engine.close()
            raise SelfCheckError(agreement, minimum)
    return LoadedModel(
        engine=engine,
        segmenter=Segmenter(engine),
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        file_bytes=len(content),
        agreement=agreement,
        bgr_palette=palette(engine.spec.colors, engine.spec.unlabeled_id)[:, ::-1].copy(),
    )
