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

"""Every error message for users: each class takes the values and writes one line of text."""

from difflib import get_close_matches
from typing import Iterable, Sequence

from swiftnet_ros.text import one_line as one_line
from swiftnet_ros.text import safe_repr, safe_text

_REBUILD = 'rebuild it with: python -m swiftnet_ros.build_engine MODEL'
LONGEST_MESSAGE = 1000
_UNREADABLE = 'it is damaged, of an unsupported format, or not readable by this user'


def listing(values: Iterable[object]) -> str:
    """Return values as text, separated by commas."""
    return ', '.join(str(value) for value in values)


class SwiftnetError(Exception):
    """Base of all errors whose message is one line that says what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        """Keep the message, escaped and cut like text of others, and never empty."""
        super().__init__(safe_text(message, LONGEST_MESSAGE) or type(self).__name__)


class FileMissingError(SwiftnetError):
    """A file or folder given by the user that does not exist."""

    def __init__(self, path: object, what: str = 'file') -> None:
        super().__init__(f'{what} not found: {safe_text(path)}; check the path')


class UnreadableFileError(SwiftnetError):
    """A file that exists and cannot be read as what it should be."""

    def __init__(self, path: object, what: str, reason: object = '') -> None:
        text = f': {one_line(reason)}' if reason else f'; {_UNREADABLE}'
        super().__init__(f'cannot read {what} {safe_text(path)}{text}')


class ImageEncodingError(SwiftnetError):
    """An image, of `shape` [H, W, ...], that OpenCV cannot encode."""

    def __init__(self, shape: Sequence[int], suffix: str) -> None:
        sides = 'x'.join(str(side) for side in (*reversed(shape[:2]), *shape[2:]))
        super().__init__(
            f'cannot encode an image of {sides} (width x height) as {suffix or "no format"}; '
            'choose another size or format'
        )


class FolderNotCreatedError(SwiftnetError):
    """A folder for output that cannot be created."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(
            f'cannot create folder {safe_text(path)}: {reason}; choose another folder'
        )


class UnsetVariableError(SwiftnetError):
    """A path with an environment variable that is not set."""

    def __init__(self, path: str, variable: str) -> None:
        super().__init__(
            f'{path!r} has the environment variable {variable}, which is not set; set it, or give '
            'the path without it'
        )


class InvalidValueError(SwiftnetError):
    """A configuration value, parameter or argument outside of what is allowed."""

    def __init__(self, name: str, received: object, expected: str) -> None:
        super().__init__(f'{safe_text(name)} is {safe_repr(received)}, expected {expected}')


class InvalidTextError(InvalidValueError):
    """A text, of a file or an argument, that cannot be parsed within the limits."""

    def __init__(self, name: object, reason: object, expected: str) -> None:
        text = f'cannot read {safe_text(name)}: {one_line(reason, 200)}; expected {expected}'
        SwiftnetError.__init__(self, text)


class OptionConflictError(SwiftnetError):
    """An option that cannot be combined with another one or with the given file."""

    def __init__(self, option: str, other: str) -> None:
        super().__init__(f'{option} cannot be combined with {other}; remove one of them')


class MissingOptionError(SwiftnetError):
    """An option that needs another one."""

    def __init__(self, option: str, needed: str) -> None:
        super().__init__(f'{option} also needs {needed}')


class NotFiniteError(SwiftnetError):
    """A number that is NaN or infinite where only finite ones make sense."""

    def __init__(self, what: str, value: object, remedy: str) -> None:
        super().__init__(f'{what} is {value}, not a finite number; {remedy}')


class UnknownNameError(SwiftnetError):
    """A name that is not in a registry; proposes the nearest one that is."""

    def __init__(self, what: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(str(name), names, n=1)
        hint = f'did you mean {near[0]!r}?' if near else f'choose one of: {listing(names)}'
        super().__init__(f'unknown {what} {safe_repr(str(name))}; {hint}')


class UnexpectedError(SwiftnetError):
    """A bug in this package or in one that it uses."""

    def __init__(self, what: str) -> None:
        super().__init__(f'{what}: unexpected error; please report it with the log above')


class ReportedError(SwiftnetError):
    """The error message of a subprocess."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class ModelNotFoundError(SwiftnetError):
    """Neither a file nor the name of a shipped model."""

    def __init__(self, model: object, shipped: Sequence[str]) -> None:
        super().__init__(
            f'model not found: {safe_repr(str(model))}; give the path of an .onnx file or '
            f'.engine, or the name of a shipped model ({listing(shipped) or "none is installed"})'
        )


class InvalidModelError(SwiftnetError):
    """A model file that cannot be read or violates the model contract."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f'cannot use model {safe_text(path)}: {reason}')


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


class EncodingFailedError(SwiftnetError):
    """An image that cannot be compressed."""

    def __init__(self, image: str, how: str) -> None:
        super().__init__(f'{image} cannot be compressed as {how}')


class SystemResourcesError(SwiftnetError):
    """Memory, or a resource of ROS, that the system does not provide."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'{reason}; end other programs, or allow this one more memory')


class NoImagesError(SwiftnetError):
    """A folder without images; `skipped` says what it has."""

    def __init__(self, folder: object, suffixes: Iterable[str], skipped: str = '') -> None:
        expected = f'expected files ending in {listing(suffixes)}'
        found = f'; skipped {skipped}' if skipped else ''
        super().__init__(f'no images in {safe_text(folder)}; {expected}{found}')


class DuplicateNameError(SwiftnetError):
    """Two images or labels whose names differ in the suffix only."""

    def __init__(self, first: object, second: object) -> None:
        files = f'{safe_text(first)} and {safe_text(second)}'
        super().__init__(
            f'{files} have the same name without suffix, so that images and labels cannot be '
            'paired; rename or remove one of them'
        )


class UnpairedFilesError(SwiftnetError):
    """Too many images without a label, or labels without an image."""

    def __init__(self, found: str, pairs: int) -> None:
        advice = 'add what is missing, or leave unpaired files out with --allow-unpaired'
        if pairs == 0:
            advice = 'a label needs the name of its image'
        super().__init__(f'{found}; {advice}')


class LabelFormatError(SwiftnetError):
    """A label image whose pixels are not class ids."""

    def __init__(self, path: object, found: str, advice: str) -> None:
        super().__init__(f'label image {safe_text(path)} has {found}, expected ids; {advice}')


class LabelIdError(SwiftnetError):
    """A label image with ids that are not in the class table."""

    def __init__(self, label: object, ids: Iterable[int], classes: int) -> None:
        super().__init__(
            f'{safe_text(label)} contains label ids {safe_text(listing(ids))}, the class table '
            f'has 0 to {classes - 1} and 255 for unlabeled; correct the labels or the class table'
        )


class SizeMismatchError(SwiftnetError):
    """Two images that must have the same size, (height, width), and do not."""

    def __init__(
        self, name: object, received: Sequence[int], expected: Sequence[int], hint: str = ''
    ) -> None:
        found, wanted = ('x'.join(map(str, reversed(size))) for size in (received, expected))
        super().__init__(
            f'{safe_text(name)} is {found} pixels, expected {wanted} (width x height){hint}'
        )


class EngineUnavailableError(SwiftnetError):
    """A known engine that cannot run on this machine."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f'engine {name!r} cannot be used here: {why}')


class BackendClosedError(SwiftnetError):
    """A call of a backend after it was closed."""

    def __init__(self, name: str) -> None:
        super().__init__(f'backend {name!r} is closed; open the model again')


class EngineFailedError(SwiftnetError):
    """An engine that failed to open or to run."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f'engine {name!r} failed: {one_line(reason)}; if this repeats, restart the program or '
            'use another engine'
        )


class DeviceMemoryError(SwiftnetError):
    """Not enough GPU memory; sizes are in bytes."""

    def __init__(self, what: str, needed: int, free: int, total: int) -> None:
        megabytes = [f'{size / 1e6:.1f} MB' for size in (needed, free, total)]
        super().__init__(
            f'not enough GPU memory for {what}: it needs {megabytes[0]}, {megabytes[1]} of '
            f'{megabytes[2]} are free; close other programs or use a smaller model'
        )


class SelfCheckError(SwiftnetError):
    """An engine whose labels of the golden frame are wrong."""

    def __init__(self, agreement: float, minimum: float) -> None:
        super().__init__(
            f'self-check failed: {agreement:.5f} of the golden frame has the right labels, '
            f'expected at least {minimum:g}; try another engine or precision, export the model '
            'again, or lower self_check_min_agreement'
        )


class EngineMismatchError(SwiftnetError):
    """An engine that was built for another machine or from other files."""

    def __init__(self, path: object, differences: Sequence[str]) -> None:
        super().__init__(
            f'engine {safe_text(path)} does not match: {"; ".join(differences)}; {_REBUILD}'
        )


class EngineFileError(SwiftnetError):
    """An engine file that is missing, incomplete or not the one described by its sidecar."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f'cannot use engine {safe_text(path)}: {reason}; {_REBUILD}')


class EngineCacheError(SwiftnetError):
    """A folder in which no engine can be stored."""

    def __init__(self, folder: object, reason: str) -> None:
        super().__init__(
            f'cannot cache engines in {safe_text(folder)}: {reason}; set SWIFTNET_ROS_CACHE to a '
            'folder of your own'
        )


class EngineNotCachedError(SwiftnetError):
    """An engine that was built for the cache and could not be stored there."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was built but not cached: {reason}')


class CalibrationMismatchError(SwiftnetError):
    """A calibration file of another model."""

    def __init__(self, path: object, command: str) -> None:
        super().__init__(
            f'calibration file {safe_text(path)} is for another model (no tensor names match); '
            f'create one with: {command}'
        )


class BuildError(SwiftnetError):
    """A model that TensorRT cannot build."""

    def __init__(self, model: object, reason: str) -> None:
        super().__init__(f'TensorRT cannot build {safe_text(model)}: {one_line(reason)}')


class BuildProcessError(SwiftnetError):
    """A build process that ended without an engine."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'the engine was not built: {reason}')


class BuildCancelledError(SwiftnetError):
    """An engine build that was cancelled."""

    def __init__(self) -> None:
        super().__init__('the engine build was cancelled; configure the node again')


class RosArgumentsError(SwiftnetError):
    """Arguments after --ros-args, or a parameter file, that ROS cannot read."""

    def __init__(self, reason: object) -> None:
        super().__init__(f'invalid ROS arguments: {one_line(reason)}')


class LogFolderError(SwiftnetError):
    """A folder in which ROS cannot write its log."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            f'ROS cannot write its log: {one_line(reason)}; set ROS_LOG_DIR to a folder that can '
            'be written'
        )


class ResourceLimitError(SwiftnetError):
    """A limit of the system that is too low for ROS."""

    def __init__(self, what: str, allowed: int, needed: int, command: str) -> None:
        super().__init__(
            f'only {allowed} {what} are allowed, ROS needs at least {needed}; raise the limit, as '
            f'with {command}'
        )


class SharedMemoryFullError(SwiftnetError):
    """A folder of shared memory that is so full that ROS crashes."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f'ROS cannot start because {folder} is full; remove what fills it, or start a '
            'container with --shm-size=1g'
        )


class NodeShutdownError(SwiftnetError):
    """Work that was abandoned because the node was asked to shut down."""

    def __init__(self, node: object) -> None:
        super().__init__(f'{node} was shut down before it was ready; restart it')


class NodeCleanedUpError(SwiftnetError):
    """A reload that was abandoned because the node was cleaned up."""

    def __init__(self) -> None:
        super().__init__('the node was cleaned up during the reload')


class NodeNotRespondingError(SwiftnetError):
    """A segmentation node in another process that does not respond."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f'{what}: {reason}; read the log of the node above')
