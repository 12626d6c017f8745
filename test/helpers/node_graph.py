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

"""The ROS interface of a running node: topics, services, parameters, diagnostics."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from time import sleep

from diagnostic_msgs.msg import DiagnosticArray
from helpers.ros_probe import blocks, Probe, rgb_message, wait_until
from rcl_interfaces.srv import DescribeParameters, ListParameters
from sensor_msgs.msg import CameraInfo
from swiftnet_ros.benchmark.node_process import NodeProcess
from swiftnet_ros.ros.compressed_image_msgs import from_labels

NAME = 'segmentation'
# Jazzy and newer: a service and a parameter of every node.
TYPE_DESCRIPTIONS = {'~/get_type_description', 'start_type_description_service'}
IN_OTHER_RELEASES = set() if find_spec('rclpy.type_description_service') else TYPE_DESCRIPTIONS
_numbers = count()


@dataclass
class Graph:
    """Types of a node's topics and services by name (`~` is its own), QoS and parameters."""

    published: dict = field(default_factory=dict)
    subscribed: dict = field(default_factory=dict)
    services: dict = field(default_factory=dict)
    qos: dict = field(default_factory=dict)
    descriptors: dict = field(default_factory=dict)
    statuses: dict = field(default_factory=dict)

    def add(self, other):
        """Merge the graph of another run of the node."""
        for name in vars(self):
            getattr(self, name).update(getattr(other, name))


def graph_of(model, **parameters):
    """Start a node, let it segment a frame of every camera, and return its graph."""
    # A node of the same name that has just ended must not be taken for this one.
    namespace = f'/run_{next(_numbers)}'
    given = {'model': str(model), 'use_sim_time': True, 'threads': 1, **parameters}
    cameras = [f'{name}/' for name in given.get('cameras', [])] or ['']
    is_compressed = given.get('image_transport') == 'compressed'
    with NodeProcess(namespace, given), Probe() as probe:
        reports = probe.subscribe('/diagnostics', DiagnosticArray)
        for camera in cameras:
            _send_frame(probe, namespace, camera, is_compressed)
        name = f'{namespace}/{NAME}'
        wait_until(lambda: _has_stages(reports, name), 20, 'diagnostics with times')
        statuses = [item for item in reports[-1].status if item.hardware_id == name]
        return _graph(probe, namespace, statuses)


def _send_frame(probe, namespace, camera, is_compressed):
    """Subscribe to two outputs of a camera and send frames until one is segmented."""
    outputs = f'{namespace}/{NAME}/{camera}'
    received = probe.subscribe(f'{outputs}label_image')
    probe.subscribe(f'{outputs}camera_info', CameraInfo)
    message = rgb_message(blocks(24, 32), 1)
    if is_compressed:
        message = from_labels(blocks(24, 32)[..., 0].copy(), message.header)
    topic = f'{namespace}/{camera}image'
    publisher = probe.camera(topic + '/compressed' * is_compressed, kind=type(message))
    probe.send(publisher, message, received)
    info = f'{namespace}/{camera}camera_info'
    wait_until(lambda: probe.node.count_subscribers(info), 20, f'a subscriber of {info}')


def _has_stages(reports, name):
    newest = reports[-1].status if reports else []
    cameras = [
        [value.key for value in item.values]
        for item in newest
        if item.hardware_id == name and not item.name.endswith('engine')
    ]
    return bool(cameras) and all('publish p99 (ms)' in keys for keys in cameras)


def _graph(probe, namespace, statuses):
    name = f'{namespace}/{NAME}'

    def short(topic):
        return topic.replace(name, '~', 1).replace(f'{namespace}/', '/', 1)

    # The last topics may not be discovered yet.
    sleep(0.5)
    node = probe.node
    published = dict(node.get_publisher_names_and_types_by_node(NAME, namespace))
    subscribed = dict(node.get_subscriber_names_and_types_by_node(NAME, namespace))
    services = dict(node.get_service_names_and_types_by_node(NAME, namespace))
    qos = {}
    for topics, ask in (
        (published, node.get_publishers_info_by_topic),
        (subscribed, node.get_subscriptions_info_by_topic),
    ):
        for topic in topics:
            ends = [end for end in ask(topic) if end.node_namespace == namespace]
            qos[short(topic)] = ends[0].qos_profile
    return Graph(
        *(
            {short(item): kinds[0] for item, kinds in every.items()}
            for every in (published, subscribed, services)
        ),
        qos,
        _descriptors(probe, name),
        {item.name: [value.key for value in item.values] for item in statuses},
    )


def _descriptors(probe, name):
    names = probe.call(ListParameters, f'{name}/list_parameters').result.names
    response = probe.call(DescribeParameters, f'{name}/describe_parameters', names=names)
    return {item.name: item for item in response.descriptors}
