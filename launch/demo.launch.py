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

"""Play the demo frames into the node; takes the arguments of segment.launch.py too."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

SEGMENT = Path(__file__).with_name('segment.launch.py')
# name: (default, description)
ARGUMENTS = {
    'source': ('demo', 'a folder of images, an image, a video, or demo for the shipped frames'),
    'rate': ('10.0', 'frames per second'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the launch description of the node and the image publisher."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    publisher = Node(
        package='swiftnet_ros',
        executable='image_publisher',
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            {
                'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
            }
        ],
        remappings=[('image', LaunchConfiguration('image_topic'))],
        output='screen',
    )
    # The node's launch file is first, as it declares the arguments that both share.
    return LaunchDescription([*arguments, IncludeLaunchDescription(str(SEGMENT)), publisher])
