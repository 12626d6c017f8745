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

"""The launch files start the node as their arguments say."""

from pathlib import Path
import re
import subprocess
import sys

from ament_index_python.packages import get_package_share_directory
import cv2
from helpers.ros_probe import blocks, rgb_message, wait_until
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch.launch_description_sources import get_launch_description_from_python_launch_file
import launch_pytest
from launch_pytest.actions import ReadyToTest
from launch_ros.actions import SetParameter, SetParametersFromFile
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.srv import GetParameters
from sensor_msgs.msg import CompressedImage
from swiftnet_ros.ros.compat import needs_localhost_only, PROFILE_VARIABLES

FOLDER = Path(get_package_share_directory('swiftnet_ros'), 'launch')
LABELS = '/segmentation/label_image'
ARGUMENTS = {
    *('autostart', 'build_only', 'cameras', 'engine', 'image_topic', 'image_transport'),
    *('log_level', 'model', 'namespace', 'output_size', 'params_file', 'precision'),
    'use_sim_time',
}


class Record:
    """The environments, exit codes and stderr of the processes of a launch."""

    def __init__(self):
        self.environments, self.exit_codes, self.stderr = [], [], ''

    def handlers(self):
        """Return the actions that fill the record."""
        return [
            RegisterEventHandler(OnProcessStart(on_start=self._started)),
            RegisterEventHandler(OnProcessIO(on_stderr=self._printed)),
            RegisterEventHandler(OnProcessExit(on_exit=self._ended)),
        ]

    def _started(self, event, context):
        self.environments.append(dict(event.env or context.environment))

    def _printed(self, event):
        self.stderr += event.text.decode()

    def _ended(self, event, context):
        self.exit_codes.append(event.returncode)


def launched(file, *actions, **arguments):
    """Return a launch description of actions and a launch file, and its record."""
    record = Record()
    path = str(FOLDER / file)
    included = IncludeLaunchDescription(path, launch_arguments=list(arguments.items()))
    return LaunchDescription([*record.handlers(), *actions, included, ReadyToTest()]), record


def segmented(probe, camera_topic, labels_topic):
    """Send a frame and return its label image."""
    received, camera = probe.subscribe(labels_topic), probe.camera(camera_topic)
    return probe.send(camera, rgb_message(blocks(40, 60), 1), received)


def parameters(probe, node, names):
    """Return the values of a node's parameters."""
    return probe.call(GetParameters, f'{node}/get_parameters', names=names).values


@launch_pytest.fixture
def remapped(tiny_path):
    """Segment the topic of a camera driver."""
    return launched('segment.launch.py', model=str(tiny_path), image_topic='/cam/image_raw')


@pytest.mark.launch(fixture=remapped)
def test_labels_arrive_for_the_frames_of_a_remapped_topic(remapped, probe):
    result = segmented(probe, '/cam/image_raw', LABELS)
    assert (result.height, result.width, result.step, result.encoding) == (40, 60, 60, 'mono8')


@launch_pytest.fixture
def in_a_namespace(tiny_path):
    """Put node and topics into a namespace."""
    return launched('segment.launch.py', model=str(tiny_path), namespace='robot')


@pytest.mark.launch(fixture=in_a_namespace)
def test_a_namespace_applies_to_the_node_and_its_topics(in_a_namespace, probe):
    result = segmented(probe, '/robot/image', f'/robot{LABELS}')
    assert result.header.stamp.sec == 1


@launch_pytest.fixture
def with_params_file(tiny_path, tmp_path):
    """Set the model and the opacity in a file."""
    path = tmp_path / 'own.yaml'
    path.write_text(
        f'segmentation:\n  ros__parameters:\n    model: {tiny_path}\n    overlay_opacity: 0.25\n'
    )
    return launched('segment.launch.py', params_file=str(path), use_sim_time='true')


@pytest.mark.launch(fixture=with_params_file)
def test_a_parameter_file_is_used(with_params_file, probe, tiny_path):
    names = ['model', 'overlay_opacity', 'use_sim_time']
    model, opacity, sim_time = parameters(probe, '/segmentation', names)
    assert model.string_value == str(tiny_path)
    assert opacity.double_value == 0.25
    assert sim_time.bool_value


@launch_pytest.fixture
def overridden(tiny_path, tmp_path):
    """Set another model in the file than in the argument."""
    path = tmp_path / 'own.yaml'
    path.write_text(
        '/**:\n  ros__parameters:\n    model: nothing\n    threads: 1\n    overlay_opacity: 0.25\n'
    )
    arguments = {'params_file': str(path), 'model': str(tiny_path), 'engine': 'openvino'}
    return launched('segment.launch.py', precision='fp32', **arguments)


@pytest.mark.launch(fixture=overridden)
def test_an_argument_takes_precedence_over_the_parameter_file(overridden, probe, tiny_path):
    names = ['model', 'engine', 'precision', 'threads', 'build_only']
    model, engine, precision, threads, only = parameters(probe, '/segmentation', names)
    assert model.string_value == str(tiny_path)
    assert engine.string_value == 'openvino'
    assert precision.string_value == 'fp32'
    assert threads.integer_value == 1
    assert not only.bool_value


@launch_pytest.fixture
def among_others(tiny_path, tmp_path):
    """Set parameters for all nodes of a launch, as a robot's own launch file does."""
    path = tmp_path / 'all.yaml'
    path.write_text('/**:\n  ros__parameters:\n    wheel_radius: 0.39\n    frame_rate: 30.0\n')
    actions = [SetParameter('camera', 'left'), SetParametersFromFile(str(path))]
    return launched('segment.launch.py', *actions, model=str(tiny_path))


@pytest.mark.launch(fixture=among_others)
def test_parameters_of_all_nodes_are_warnings(among_others, probe):
    assert segmented(probe, '/image', LABELS).header.stamp.sec == 1
    for name in ('wheel_radius', 'frame_rate', 'camera'):
        assert f'parameter {name} is set for all nodes, but not one of this' in (
            among_others[1].stderr
        )


@launch_pytest.fixture
def with_a_wrong_model():
    """Set a model that does not exist."""
    return launched('segment.launch.py', model='nothing')


@pytest.mark.launch(fixture=with_a_wrong_model)
def test_a_wrong_model_ends_the_node_with_one_line_and_exit_code_1(with_a_wrong_model):
    _, record = with_a_wrong_model
    wait_until(lambda: record.exit_codes, 60, 'the end of the node')
    assert record.exit_codes == [1]
    assert re.fullmatch("error: model not found: 'nothing'; give .*\n", record.stderr)


@launch_pytest.fixture
def played(tiny_path, tmp_path):
    """Play an image into the node."""
    cv2.imwrite(str(tmp_path / 'image.png'), blocks(40, 60))
    arguments = {'model': str(tiny_path), 'source': str(tmp_path), 'image_topic': '/cam/image'}
    return launched('demo.launch.py', **arguments)


@pytest.mark.launch(fixture=played)
def test_the_demo_plays_images_into_the_node(played, probe):
    received = probe.subscribe(LABELS)
    wait_until(lambda: len(received) > 3, 30, 'a stream of label images')
    assert (received[0].height, received[0].width) == (40, 60)


@pytest.mark.launch(fixture=remapped)
def test_every_process_gets_the_profile_for_large_frames(remapped):
    _, record = remapped
    wait_until(lambda: record.environments, 30, 'the start of the node')
    profiles = [record.environments[0].get(name) for name in PROFILE_VARIABLES]
    name = 'fastdds_localhost.xml' if needs_localhost_only() else 'fastdds.xml'
    expected = (FOLDER.parent / 'config' / name).read_bytes()
    assert any(profiles) and {Path(path).read_bytes() for path in profiles if path} == {expected}


@launch_pytest.fixture
def of_two_cameras(tiny_path):
    """Segment two drivers by one node, in a namespace, at the network's size."""
    return launched(
        'segment.launch.py',
        model=str(tiny_path),
        namespace='robot',
        cameras='front,rear',
        image_topic='image_raw',
        output_size='network',
    )


@pytest.mark.launch(fixture=of_two_cameras)
def test_every_camera_has_topics_of_its_own(of_two_cameras, probe):
    for name in ('front', 'rear'):
        result = segmented(
            probe, f'/robot/{name}/image_raw', f'/robot/segmentation/{name}/label_image'
        )
        assert (result.height, result.width) == (48, 64)


@launch_pytest.fixture
def of_listed_topics(tiny_path):
    """Set the topic of each camera."""
    topics = '/left_driver/raw,/right_driver/raw'
    arguments = {'model': str(tiny_path), 'cameras': 'left,right', 'image_topic': topics}
    return launched('segment.launch.py', **arguments)


@pytest.mark.launch(fixture=of_listed_topics)
def test_topics_are_listed_in_the_order_of_the_cameras(of_listed_topics, probe):
    result = segmented(probe, '/right_driver/raw', '/segmentation/right/label_image')
    assert (result.height, result.width) == (40, 60)


@launch_pytest.fixture
def of_compressed_images(tiny_path):
    """Segment compressed images, which a driver publishes next to its raw topic."""
    arguments = {'image_topic': '/cam/image_raw', 'image_transport': 'compressed'}
    return launched('segment.launch.py', model=str(tiny_path), **arguments)


@pytest.mark.launch(fixture=of_compressed_images)
def test_compressed_images_are_read_next_to_the_raw_topic(of_compressed_images, probe):
    frame = rgb_message(blocks(40, 60), 1)
    _, png = cv2.imencode('.png', blocks(40, 60))
    message = CompressedImage(header=frame.header, format='png', data=png.tobytes())
    received = probe.subscribe(LABELS)
    camera = probe.camera('/cam/image_raw/compressed', kind=CompressedImage)
    assert probe.send(camera, message, received).width == 60


@launch_pytest.fixture
def without_autostart(tiny_path):
    """Leave the lifecycle to a manager."""
    return launched('segment.launch.py', model=str(tiny_path), autostart='false')


@pytest.mark.launch(fixture=without_autostart)
def test_without_autostart_the_node_waits_to_be_configured(without_autostart, probe):
    def state():
        return probe.call(GetState, '/segmentation/get_state').current_state.label

    def change(name):
        service, transition = '/segmentation/change_state', Transition(label=name)
        return probe.call(ChangeState, service, transition=transition).success

    assert state() == 'unconfigured'
    assert change('configure') and state() == 'inactive'
    assert change('activate') and state() == 'active'
    assert segmented(probe, '/image', LABELS).width == 60


@launch_pytest.fixture
def two_played(tiny_path, tmp_path):
    """Play an image as two cameras."""
    cv2.imwrite(str(tmp_path / 'image.png'), blocks(40, 60))
    return launched('multi_camera.launch.py', model=str(tiny_path), source=str(tmp_path))


@pytest.mark.launch(fixture=two_played)
def test_two_cameras_are_played_into_one_node(two_played, probe):
    labels = {
        name: probe.subscribe(f'/segmentation/{name}/label_image') for name in ('front', 'rear')
    }
    for name, received in labels.items():
        wait_until(lambda received=received: len(received) > 3, 30, f'label images of {name}')
        assert {item.header.frame_id for item in received} == {name}
    _, record = two_played
    assert len(record.environments) == 3


LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
given = [word.split(':=') for word in sys.argv[2:]]
included = IncludeLaunchDescription(sys.argv[1], launch_arguments=given)
service = LaunchService()
service.include_launch_description(LaunchDescription([included])); sys.exit(service.run())
"""


def test_a_launch_with_build_only_fails_with_its_node(tiny_path):
    given = [f'model:={tiny_path}', 'engine:=openvino', 'build_only:=true']
    words = [sys.executable, '-c', LAUNCH, str(FOLDER / 'segment.launch.py'), *given]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    log = ended.stdout + ended.stderr
    assert 'error: build_only is True, expected a backend that builds engines' in log
    assert 'no engine was built: exit code 1, see above' in log


FILES = ['segment.launch.py', 'demo.launch.py', 'multi_camera.launch.py']


@pytest.mark.parametrize('file', FILES)
def test_every_argument_has_a_description_and_a_default(file):
    description = get_launch_description_from_python_launch_file(str(FOLDER / file))
    arguments = description.get_launch_arguments()
    assert {argument.name for argument in arguments} >= ARGUMENTS
    assert all(argument.description and argument.default_value for argument in arguments)
