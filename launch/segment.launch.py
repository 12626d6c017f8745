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

"""Start the segmentation node on a camera's topic."""

from pathlib import Path
from typing import Any, Dict, List

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from swiftnet_ros.fastdds_profile import set_profile

CONFIG = Path(__file__).resolve().parents[1] / 'config'
# name: (default, description); an empty default leaves the matter to params_file
ARGUMENTS = {
    'model': ('', 'an .onnx file, or the name of a shipped model; empty: as params_file says'),
    'engine': ('', 'what runs the model, auto or a name; empty: as params_file says'),
    'image_topic': ('image', 'the sensor_msgs/Image topic to segment; relative to the namespace'),
    'params_file': (str(CONFIG / 'segment.yaml'), 'YAML file with parameters of the node'),
    'namespace': ('', 'namespace of the node and of its topics'),
    'use_sim_time': ('false', 'take the time from /clock, as with a simulator or a bag'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
}


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


def _node(context: LaunchContext) -> List[Node]:
    given: Dict[str, Any] = {
        name: LaunchConfiguration(name)
        for name in ('model', 'engine')
        if LaunchConfiguration(name).perform(context)
    }
    given = {name: ParameterValue(value, value_type=str) for name, value in given.items()}
    given['use_sim_time'] = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    node = Node(
        package='swiftnet_ros',
        executable='segmentation_node',
        name='segmentation',
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'), given],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        output='screen',
    )
    return [node]
