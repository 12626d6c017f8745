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

"""Find a model by its path or by the name of a shipped one, however the package is installed."""

import os
from pathlib import Path
import re
from typing import List, Optional, Union

from swiftnet_ros.errors import ModelNotFoundError
from swiftnet_ros.system.paths import share_folders

# What runs by default comes first; the other is its source.
_SUFFIXES = ('.int8.onnx', '.fp32.onnx')
_NAME = re.compile(r'[a-z0-9_]+')


def find_model(name_or_path: Union[str, Path]) -> Path:
    """
    Give the file of a model: a path as it is, a bare name among the shipped models.

    FOLDER/X.onnx, where there is no such file, stands for the pair X.int8.onnx and X.fp32.onnx.
    """
    if os.path.isfile(name_or_path):
        return Path(name_or_path)
    if str(name_or_path).endswith('.onnx'):
        found = _of_pair(str(name_or_path)[: -len('.onnx')])
        if found is not None:
            return found
    # A name never leads out of the folders: no separators, no dots.
    if _NAME.fullmatch(str(name_or_path)):
        for folder in share_folders('models'):
            found = _of_pair(str(folder / str(name_or_path)))
            if found is not None:
                return found
    raise ModelNotFoundError(name_or_path, shipped_models())


def _of_pair(stem: str) -> Optional[Path]:
    """Give the file of a pair that runs by default, None where there is neither."""
    return next((Path(stem + end) for end in _SUFFIXES if os.path.isfile(stem + end)), None)


def shipped_models() -> List[str]:
    """List the names of the shipped models, sorted."""
    found = {
        path.name[: -len(suffix)]
        for folder in share_folders('models')
        for suffix in _SUFFIXES
        for path in folder.glob(f'*{suffix}')
    }
    return sorted(name for name in found if _NAME.fullmatch(name))
