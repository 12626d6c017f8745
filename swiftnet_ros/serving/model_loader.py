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

from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.self_check import self_check


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
    SwiftnetError if the model cannot be opened. It must be used and closed by the thread that
    opened it.
    """
    opened = open_model_file(model, options, build)
    segmenter, file = Segmenter(opened.backend), opened.model
    try:
        agreement = self_check(segmenter, file, options.self_check_min_agreement)
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
