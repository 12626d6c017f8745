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

"""Start the segmentation node on the topics of one camera or several."""

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
    'model': ('', 'an .onnx file, or the name of a shipped model; empty: as params_file says'),
    'engine': ('', 'what runs the model, auto or a name; empty: as params_file says'),
    'precision': ('', 'auto, fp32, fp16, bf16 or int8; empty: as params_file says'),
    'build_only': (
        '',
        'true: build the engine, check it and end; empty: as params_file says, which is no',
    ),
    'cameras': (
        '',
        'names of several cameras, such as front,rear; empty: one camera, or as params_file says',
    ),
    'image_topic': (
        'image',
        'the topic to segment, relative to the namespace; of several cameras the one called NAME '
        'has NAME/image_topic, or give a list of topics such as /front/raw,/rear/raw',
    ),
    'image_transport': ('', 'raw or compressed; empty: as params_file says'),
    'output_size': ('', 'camera, network or WIDTHxHEIGHT; empty: as params_file says'),
    'autostart': (
        '',
        'true: configure and activate at the start; false: wait for a lifecycle manager; empty: '
        'as params_file says',
    ),
    'params_file': (str(CONFIG / 'segment.yaml'), 'YAML file with parameters of the node'),
    'namespace': ('', 'namespace of the node and of its topics'),
    'use_sim_time': ('false', 'take the time from /clock, as with a simulator or a bag'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
}
# Arguments that become parameters where they are not empty.
TEXTS = ('model', 'engine', 'precision', 'image_transport', 'output_size')
SWITCHES = ('autostart', 'build_only')


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments and the node."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription(
        [*arguments, OpaqueFunction(function=_profile), OpaqueFunction(function=_node)]
    )


def _profile(context: LaunchContext) -> List[LogInfo]:
    """Give everything that is launched from here on the Fast DDS profile for large frames."""
    warning = set_profile(context.environment)
    return [LogInfo(msg=warning)] if warning else []


def _parameters(given: Callable[[str], str]) -> Dict[str, Any]:
    """Give the parameters that were set by arguments, which win over params_file."""
    kinds: List[Tuple[str, type]] = [(name, str) for name in TEXTS]
    kinds += [(name, bool) for name in SWITCHES]
    parameters: Dict[str, Any] = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds
        if given(name)
    }
    cameras = split_cameras(given('cameras'))
    if cameras:
        parameters['cameras'] = list(cameras)
    parameters['use_sim_time'] = ParameterValue(
        LaunchConfiguration('use_sim_time'), value_type=bool
    )
    return parameters


def _end_built(event: ProcessExited, context: LaunchContext) -> List[Shutdown]:
    """End everything with a node that was only to build, and fail with it: it would be 0."""
    if event.returncode:
        raise RuntimeError(f'no engine was built: exit code {event.returncode}, see above')
    return [Shutdown(reason='the engine is built')]


def _node(context: LaunchContext) -> List[Node]:
    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    node = Node(
        package='swiftnet_ros',
        executable='segmentation_node',
        name='segmentation',
        namespace=LaunchConfiguration('namespace'),
        parameters=[checked_params_file(given('params_file')), _parameters(given)],
        remappings=image_remappings(given('cameras'), given('image_topic')),
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        output='screen',
        on_exit=_end_built if given('build_only').lower() == 'true' else None,
    )
    return [node]
