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

from swiftnet_ros.errors import ModelNotFoundError, ModelReplacedError
from swiftnet_ros.system.paths import expand_path, share_folders

# The files of a pair; without a precision the first that exists is the model.
_DEFAULT_ORDER = ('int8', 'fp32')
_ENDING = '.onnx'
_ENDINGS = re.compile(r'(\.(fp32|fp16|int8))?\.onnx$')
_NAME = re.compile(r'[a-z0-9_]+')
# name of a model that an earlier version shipped -> that of the one in its place, which has
# other classes, or the same
_REPLACED = {'warehouse': 'indoor'}
_ALIASES = {'camvid': 'street'}


def find_model(name_or_path: Union[str, Path], precision: str = '') -> Path:
    """
    Return the file of a model: a path as it is, a bare name among the shipped models.

    FOLDER/X.onnx, where there is no such file, stands for the pair X.int8.onnx and X.fp32.onnx,
    and so does the name of a shipped model. Of a pair it is the file of `precision` (fp32, fp16
    or int8) where that exists, else the default one. `camvid` is an alias of `street`.
    ModelNotFoundError if there is none, ModelReplacedError for the name of one whose successor
    has other classes. A path is expanded by `expand_path`.
    """
    path = expand_path(str(name_or_path))
    if os.path.isfile(path):
        return Path(path)
    if path.endswith(_ENDING):
        found = _file_of_pair(path[: -len(_ENDING)], precision)
        if found is not None:
            return found
    # A name never leads out of the folders: no separators, no dots.
    if _NAME.fullmatch(path):
        for name in filter(None, (path, _ALIASES.get(path))):
            for folder in share_folders('models'):
                found = _file_of_pair(str(folder / name), precision)
                if found is not None:
                    return found
    if path in _REPLACED:
        raise ModelReplacedError(path, _REPLACED[path])
    # As it was given: a message must not show other nodes the values of variables.
    raise ModelNotFoundError(name_or_path, shipped_models())


def shipped_models() -> List[str]:
    """Return the names of the shipped models, sorted."""
    found = {
        path.name[: -len(f'.{precision}{_ENDING}')]
        for folder in share_folders('models')
        for precision in _DEFAULT_ORDER
        for path in folder.glob(f'*.{precision}{_ENDING}')
    }
    return sorted(name for name in found if _NAME.fullmatch(name))


def model_name(path: Path) -> str:
    """Return what the files of a model have in common: X of X.fp32.onnx."""
    return _ENDINGS.sub('', path.name)


def sibling(path: Path, precision: str) -> Path:
    """Return the path of another precision next to X.fp32.onnx, X.fp16.onnx or X.int8.onnx."""
    return path.with_name(f'{model_name(path)}.{precision}{_ENDING}')


def _file_of_pair(stem: str, precision: str) -> Optional[Path]:
    order = (precision, *_DEFAULT_ORDER) if precision else _DEFAULT_ORDER
    paths = (f'{stem}.{item}{_ENDING}' for item in order)
    return next((Path(path) for path in paths if os.path.isfile(path)), None)
