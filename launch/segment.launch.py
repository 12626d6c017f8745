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

"""Start the segmentation node for one camera or several."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from swiftnet_ros.ros.fastdds import set_profile
from swiftnet_ros.serving.camera_names import checked_params_file, image_remappings, split_cameras

CONFIG = Path(__file__).resolve().parents[1] / 'config'
ARGUMENTS = {
    'model': ('', 'path of an .onnx file, or name of a shipped model; empty: as in params_file'),
    'engine': ('', 'backend that runs the model, auto or its name; empty: as in params_file'),
    'precision': ('', 'auto, fp32, fp16, bf16 or int8; empty: as in params_file'),
    'build_only': ('', 'true: build the engine, check it and end; empty: as in params_file'),
    'cameras': (
        '',
        'names of several cameras, such as front,rear; empty: one camera, or as in params_file',
    ),
    'image_topic': (
        'image',
        'topic to segment, relative to the namespace; with several cameras NAME/image_topic for '
        'camera NAME, or a list of topics such as /front/raw,/rear/raw',
    ),
    'image_transport': ('', 'raw or compressed; empty: as in params_file'),
    'output_size': ('', 'camera, network or WIDTHxHEIGHT; empty: as in params_file'),
    'autostart': (
        '',
        'true: configure and activate at the start; false: wait for a lifecycle manager; empty: '
        'as in params_file',
    ),
    'params_file': (str(CONFIG / 'segment.yaml'), 'YAML file with parameters of the node'),
    'namespace': ('', 'namespace of the node and of its topics'),
    'use_sim_time': ('false', 'use the time of /clock, as with a simulator or a bag'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
}
# Arguments that set the parameter of the same name if they are not empty.
TEXTS = ('model', 'engine', 'precision', 'image_transport', 'output_size')
BOOLEANS = ('autostart', 'build_only')


def generate_launch_description() -> LaunchDescription:
    """Return the launch description of the node."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription(
        [*arguments, OpaqueFunction(function=_set_profile), OpaqueFunction(function=_node)]
    )


def _set_profile(context: LaunchContext) -> List[LogInfo]:
    """Set the Fast DDS profile for everything that is launched after this."""
    warning = set_profile(context.environment)
    return [LogInfo(msg=warning)] if warning else []


def _parameters(argument: Callable[[str], str]) -> Dict[str, Any]:
    """Return the parameters that arguments set, which take precedence over params_file."""
    types: List[Tuple[str, type]] = [(name, str) for name in TEXTS]
    types += [(name, bool) for name in BOOLEANS]
    parameters: Dict[str, Any] = {
        name: ParameterValue(LaunchConfiguration(name), value_type=value_type)
        for name, value_type in types
        if argument(name)
    }
    cameras = split_cameras(argument('cameras'))
    if cameras:
        parameters['cameras'] = list(cameras)
    parameters['use_sim_time'] = ParameterValue(
        LaunchConfiguration('use_sim_time'), value_type=bool
    )
    return parameters


def _end_after_build(event: ProcessExited, context: LaunchContext) -> List[Shutdown]:
    """End the launch with its node; raise if that failed, as the exit code would be 0."""
    if event.returncode:
        raise RuntimeError(f'no engine was built: exit code {event.returncode}, see above')
    return [Shutdown(reason='the engine is built')]


def _node(context: LaunchContext) -> List[Node]:
    def argument(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    node = Node(
        package='swiftnet_ros',
        executable='segmentation_node',
        name='segmentation',
        namespace=LaunchConfiguration('namespace'),
        parameters=[checked_params_file(argument('params_file')), _parameters(argument)],
        remappings=image_remappings(argument('cameras'), argument('image_topic')),
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        output='screen',
        on_exit=_end_after_build if argument('build_only').lower() == 'true' else None,
    )
    return [node]
