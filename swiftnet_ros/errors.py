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

"""Every error that a user can cause: each takes the offending value and writes the message."""

from difflib import get_close_matches
from typing import Iterable, Sequence


def listing(values: Iterable[object]) -> str:
    """Join values as text for an error message."""
    return ', '.join(str(value) for value in values)


def one_line(text: object) -> str:
    """Return the text of an error, or any other, on one line with single spaces."""
    return ' '.join(str(text).split())


class SwiftnetError(Exception):
    """Base of all errors with a one-line message that says what to do."""


class FileMissingError(SwiftnetError):
    """A file or folder that the user named is not there."""

    def __init__(self, path: object, what: str = 'file') -> None:
        super().__init__(f'{what} not found: {path}; check the path')


class ModelNotFoundError(SwiftnetError):
    """Neither a file nor the name of a shipped model."""

    def __init__(self, model: object, shipped: Sequence[str]) -> None:
        super().__init__(
            f'model not found: {str(model)!r}; give the path of an .onnx file or .engine, or '
            f'the name of a shipped model ({listing(shipped) or "none is installed"})'
        )


class InvalidModelError(SwiftnetError):
    """A model file that cannot be read or does not keep the model contract."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f'cannot use model {path}: {reason}')


class MissingSpecError(InvalidModelError):
    """An ONNX file without the model specification in its metadata."""

    def __init__(self, path: object) -> None:
        super().__init__(
            path,
            'it carries no swiftnet_ros.model_spec; add one with: '
            f'python -m swiftnet_ros.model_spec {path} --classes classes.yaml -o OUT.onnx',
        )


class SpecVersionError(SwiftnetError):
    """A model specification that a newer version of this package wrote."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f'the model specification has version {found}, this swiftnet_ros reads up to '
            f'{known}; update swiftnet_ros or export the model with this version'
        )


class SpecFieldError(SwiftnetError):
    """A model specification with a missing, unknown or impossible field."""

    def __init__(self, field: str, received: object, expected: str) -> None:
        super().__init__(
            f'model specification: {field} is {received!r}, expected {expected}; '
            'export the model again or correct its classes file'
        )


class UnknownNameError(SwiftnetError):
    """A name that is not in a registry; proposes the nearest one that is."""

    def __init__(self, what: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(str(name), names, n=1)
        hint = f'did you mean {near[0]!r}?' if near else f'choose one of: {listing(names)}'
        super().__init__(f'unknown {what} {str(name)!r}; {hint}')


class EngineUnavailableError(SwiftnetError):
    """An engine that is known but cannot run here."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f'engine {name!r} cannot be used here: {why}')


class InvalidFrameError(SwiftnetError):
    """A camera frame that cannot be segmented; the stream goes on without it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'bad frame: {reason}')


class UnsupportedEncodingError(InvalidFrameError):
    """An image encoding that neither this package nor an installed cv_bridge converts."""

    def __init__(self, encoding: str, known: Iterable[str]) -> None:
        super().__init__(
            f'encoding {encoding!r} is not supported; publish one of {listing(known)}, '
            'or install cv_bridge for others'
        )


class InvalidValueError(SwiftnetError):
    """A configuration value, parameter or argument outside what is allowed."""

    def __init__(self, name: str, received: object, expected: str) -> None:
        super().__init__(f'{name} is {received!r}, expected {expected}')


class NoImagesError(SwiftnetError):
    """A folder in which no image was found."""

    def __init__(self, folder: object, suffixes: Iterable[str]) -> None:
        super().__init__(f'no images in {folder}; expected files ending in {listing(suffixes)}')


class MissingLabelError(SwiftnetError):
    """An image whose label file is not there."""

    def __init__(self, image: object, label: object) -> None:
        super().__init__(f'no label for image {image}; expected {label}')


class LabelIdError(SwiftnetError):
    """A label image with ids outside the class table."""

    def __init__(self, label: object, ids: Iterable[int], classes: int) -> None:
        super().__init__(
            f'{label} holds label ids {listing(ids)}, the class table has 0 to {classes - 1} '
            'and 255 for unlabeled; correct the labels or the class table'
        )


class SizeMismatchError(SwiftnetError):
    """Two images that must have the same size and do not."""

    def __init__(self, name: object, received: Sequence[int], expected: Sequence[int]) -> None:
        sizes = ['x'.join(str(side) for side in reversed(size)) for size in (received, expected)]
        super().__init__(f'{name} is {sizes[0]} pixels, expected {sizes[1]} (width x height)')


class RosArgumentsError(SwiftnetError):
    """Arguments after --ros-args, or a parameter file, that ROS cannot read."""

    def __init__(self, reason: object) -> None:
        super().__init__(f'ROS refused its arguments: {one_line(reason)}')


class NodeSilentError(SwiftnetError):
    """A segmentation node in another process that does not answer."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f'{what}: {reason}; read the log of the node above')


class SelfCheckError(SwiftnetError):
    """An engine that does not give the labels of the golden frame."""

    def __init__(self, agreement: float, minimum: float) -> None:
        super().__init__(
            f'self-check failed: {agreement:.5f} of the golden frame got the right label, '
            f'expected at least {minimum:g}; try another engine or precision, export the model '
            'again, or lower self_check_min_agreement'
        )


class NodeEndsError(SwiftnetError):
    """Work that was given up because the node was asked to end."""

    def __init__(self, node: object) -> None:
        super().__init__(f'{node} ends; start it again')


class UnexpectedError(SwiftnetError):
    """A bug in this package or below it."""

    def __init__(self, what: str) -> None:
        super().__init__(f'{what}: an unexpected error; please report it with the log above')


class EngineMismatchError(SwiftnetError):
    """An engine that was built for another machine or from other files."""

    def __init__(self, path: object, differences: Sequence[str]) -> None:
        super().__init__(
            f'engine {path} does not fit: {"; ".join(differences)}; build it again with: '
            'python -m swiftnet_ros.build_engine MODEL'
        )


class EngineFileError(SwiftnetError):
    """An engine file that is missing, incomplete or not what its sidecar says."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(
            f'cannot use engine {path}: {reason}; build it again with: '
            'python -m swiftnet_ros.build_engine MODEL'
        )


class EngineCacheError(SwiftnetError):
    """A folder in which no engine can be kept."""

    def __init__(self, folder: object, reason: str) -> None:
        super().__init__(
            f'cannot keep engines in {folder}: {reason}; set SWIFTNET_ROS_CACHE to a folder of '
            'your own'
        )


class BuildError(SwiftnetError):
    """A model of which TensorRT makes no engine."""

    def __init__(self, model: object, reason: str) -> None:
        super().__init__(f'TensorRT cannot build {model}: {one_line(reason)}')


class EngineFailedError(SwiftnetError):
    """An engine that gave no answer, or could not be opened, for a reason of its own."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f'engine {name!r} failed: {one_line(reason)}; if it does so again, start the '
            'program again or use another engine'
        )


class DeviceMemoryError(SwiftnetError):
    """A GPU whose memory does not suffice."""

    def __init__(self, what: str, needed: int, free: int, total: int) -> None:
        megabytes = [f'{size / 1e6:.1f} MB' for size in (needed, free, total)]
        super().__init__(
            f'not enough GPU memory for {what}: it needs {megabytes[0]}, {megabytes[1]} of '
            f'{megabytes[2]} are free; close other programs or use a smaller model'
        )


class BuildProcessError(SwiftnetError):
    """A program that was to build an engine and ended without one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was not built: {reason}')


class BuildCancelledError(SwiftnetError):
    """The build of an engine that nobody waits for any more."""

    def __init__(self) -> None:
        super().__init__('the build of the engine was called off; configure the node again')


class ReportedError(SwiftnetError):
    """What another program of this package could not do, in its own words."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class EngineNotKeptError(SwiftnetError):
    """An engine that was built to be kept, and could not be."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was built but not kept: {reason}')
