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

"""Errors of models, and of frames for them."""

from typing import Sequence

from swiftnet_ros.errors.base import listing, SwiftnetError
from swiftnet_ros.text import one_line, safe_repr, safe_text


class ModelNotFoundError(SwiftnetError):
    """Neither a file nor the name of a shipped model."""

    def __init__(self, model: object, shipped: Sequence[str]) -> None:
        super().__init__(
            f'model not found: {safe_repr(str(model))}; give the path of an .onnx file or '
            f'.engine, or the name of a shipped model ({listing(shipped) or "none is installed"})'
        )


class ModelReplacedError(SwiftnetError):
    """The name of a model that an earlier version shipped and another one replaces."""

    def __init__(self, name: str, successor: str) -> None:
        super().__init__(
            f'the model {name} is not shipped any more; use {successor}, whose class ids are '
            'others (topic label_info, or spec.class_names), or give the path of your copy'
        )


class InvalidModelError(SwiftnetError):
    """A model file that cannot be read or violates the model contract."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f'cannot use model {safe_text(path)}: {reason}')


class OnnxMissingError(InvalidModelError):
    """An ONNX file where the Python module that reads it cannot be imported."""

    def __init__(self, path: object, error: ImportError) -> None:
        super().__init__(
            path,
            f'the Python module onnx is needed to read it ({one_line(error)}); pip install '
            "'onnx>=1.14,<2', or use an .engine file of build_engine",
        )


class MissingSpecError(InvalidModelError):
    """An ONNX file without the model specification in its metadata."""

    def __init__(self, path: object) -> None:
        super().__init__(
            path,
            'it has no swiftnet_ros.model_spec; add one with: '
            f'python -m swiftnet_ros.model_spec {safe_text(path)} --classes classes.yaml '
            '-o OUT.onnx',
        )


class SpecVersionError(SwiftnetError):
    """A model specification written by a newer version of this package."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f'the model specification has version {safe_repr(found)}, this swiftnet_ros reads up '
            f'to {known}; update swiftnet_ros or export the model with this version'
        )


class SpecFieldError(SwiftnetError):
    """A model specification with a missing, unknown or invalid field."""

    def __init__(self, field: str, received: object, expected: str) -> None:
        super().__init__(
            f'model specification: {safe_text(field)} is {safe_repr(received)}, expected '
            f'{expected}; export the model again or correct its classes file'
        )


class NonFiniteLogitsError(InvalidModelError):
    """A network whose logits are NaN or infinite, so that its labels mean nothing."""

    def __init__(self, model: object, precision: str) -> None:
        super().__init__(
            model,
            f'its logits in {precision} are NaN or infinite; use another precision, or train and '
            'export it again',
        )


class InvalidFrameError(SwiftnetError):
    """A camera frame that cannot be segmented and is dropped."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'invalid frame: {reason}')


class UnsupportedEncodingError(InvalidFrameError):
    """An image encoding that neither this package nor an installed cv_bridge converts."""

    def __init__(self, encoding: str, advice: str) -> None:
        super().__init__(f'encoding {safe_repr(encoding)} is not supported; {advice}')
