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

"""Errors of the start of ROS and of nodes."""

from swiftnet_ros.errors.base import SwiftnetError
from swiftnet_ros.text import one_line


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


class SystemResourcesError(SwiftnetError):
    """Memory, or a resource of ROS, that the system does not provide."""

    def __init__(self, reason: str) -> None:
        super().__init__(f'{reason}; end other programs, or allow this one more memory')


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
