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

from swiftnet_ros.errors.base import (
    InvalidTextError,
    InvalidValueError,
    listing,
    LONGEST_MESSAGE,
    MissingOptionError,
    NonFiniteValueError,
    OptionConflictError,
    PortUnavailableError,
    ReportedError,
    SwiftnetError,
    UnexpectedError,
    UnknownNameError,
)
from swiftnet_ros.errors.engines import (
    BackendClosedError,
    BuildCancelledError,
    BuildError,
    BuildProcessError,
    CalibrationMismatchError,
    DeviceMemoryError,
    EngineCacheError,
    EngineFailedError,
    EngineFileError,
    EngineMismatchError,
    EngineNotCachedError,
    EngineUnavailableError,
    NoFastestError,
    SelfCheckError,
)
from swiftnet_ros.errors.files import (
    AnimationError,
    DuplicateNameError,
    FileMissingError,
    FolderNotCreatedError,
    ImageEncodingError,
    LabelFormatError,
    LabelIdError,
    NoImagesError,
    SizeMismatchError,
    UnpairedFilesError,
    UnreadableFileError,
    UnsetVariableError,
)
from swiftnet_ros.errors.models import (
    InvalidFrameError,
    InvalidModelError,
    MissingSpecError,
    ModelNotFoundError,
    ModelReplacedError,
    NonFiniteLogitsError,
    OnnxMissingError,
    SpecFieldError,
    SpecVersionError,
    UnsupportedEncodingError,
)
from swiftnet_ros.errors.ros import (
    LogFolderError,
    NodeCleanedUpError,
    NodeNotRespondingError,
    NodeShutdownError,
    ResourceLimitError,
    RosArgumentsError,
    SharedMemoryFullError,
    SystemResourcesError,
)
from swiftnet_ros.text import one_line

__all__ = [
    'LONGEST_MESSAGE',
    'AnimationError',
    'BackendClosedError',
    'BuildCancelledError',
    'BuildError',
    'BuildProcessError',
    'CalibrationMismatchError',
    'DeviceMemoryError',
    'DuplicateNameError',
    'EngineCacheError',
    'EngineFailedError',
    'EngineFileError',
    'EngineMismatchError',
    'EngineNotCachedError',
    'EngineUnavailableError',
    'FileMissingError',
    'FolderNotCreatedError',
    'ImageEncodingError',
    'InvalidFrameError',
    'InvalidModelError',
    'InvalidTextError',
    'InvalidValueError',
    'LabelFormatError',
    'LabelIdError',
    'LogFolderError',
    'MissingOptionError',
    'MissingSpecError',
    'ModelNotFoundError',
    'ModelReplacedError',
    'NoFastestError',
    'NoImagesError',
    'NodeCleanedUpError',
    'NodeNotRespondingError',
    'NodeShutdownError',
    'NonFiniteLogitsError',
    'NonFiniteValueError',
    'OnnxMissingError',
    'OptionConflictError',
    'PortUnavailableError',
    'ReportedError',
    'ResourceLimitError',
    'RosArgumentsError',
    'SelfCheckError',
    'SharedMemoryFullError',
    'SizeMismatchError',
    'SpecFieldError',
    'SpecVersionError',
    'SwiftnetError',
    'SystemResourcesError',
    'UnexpectedError',
    'UnknownNameError',
    'UnpairedFilesError',
    'UnreadableFileError',
    'UnsetVariableError',
    'UnsupportedEncodingError',
    'listing',
    'one_line',
]
