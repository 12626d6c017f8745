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

"""
Play the demo frames as two cameras into one segmentation node.

Takes the arguments of segment.launch.py too; `cameras` may have more than two names.
"""

from pathlib import Path
from typing import List

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from swiftnet_ros.serving.camera_names import image_remappings, split_cameras

SEGMENT = Path(__file__).with_name('segment.launch.py')
ARGUMENTS = {
    'cameras': ('front,rear', 'names of the cameras'),
    'source': ('demo', 'a folder of images, an image, a video, or demo for the shipped frames'),
    'rate': ('5.0', 'frames per second of each camera'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the launch description of the node and of an image publisher for each camera."""
    # Before the node's launch file, whose default for `cameras` differs.
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    node = IncludeLaunchDescription(str(SEGMENT))
    return LaunchDescription([*arguments, node, OpaqueFunction(function=_publishers)])


def _publishers(context: LaunchContext) -> List[Node]:
    cameras = LaunchConfiguration('cameras').perform(context)
    image_topic = LaunchConfiguration('image_topic').perform(context)
    topics = [topic for _, topic in image_remappings(cameras, image_topic)]
    return [_publisher(camera, topic) for camera, topic in zip(split_cameras(cameras), topics)]


def _publisher(camera: str, topic: str) -> Node:
    return Node(
        package='swiftnet_ros',
        executable='image_publisher',
        name=f'{camera}_camera',
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            {
                'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
                'frame_id': camera,
                'camera_info': True,
            }
        ],
        remappings=[('image', topic), ('camera_info', f'{topic.rpartition("/")[0]}/camera_info')],
        output='screen',
    )
