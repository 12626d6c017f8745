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

"""Interrupt training after a step, when the callbacks of that step have written their files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from training.run.folder import RunPaths
from training.trainer import train as train_module


class StoppedError(Exception):
    """Raised to interrupt a run."""


@contextmanager
def stopped_after(step: int, folder: Path | None = None) -> Iterator[None]:
    """Interrupt the training inside the block after a step of any run, or of that in `folder`."""
    default_callbacks = train_module.default_callbacks

    def stop(state) -> None:
        if state.step == step:
            raise StoppedError

    def with_stop(*arguments):
        paths = next(item for item in arguments if isinstance(item, RunPaths))
        callbacks = default_callbacks(*arguments)
        return [*callbacks, stop] if folder in (None, paths.folder) else callbacks

    patched = mock.patch.object(train_module, 'default_callbacks', with_stop)
    with patched, pytest.raises(StoppedError):
        yield
