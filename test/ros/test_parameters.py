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

"""Declaring parameters: the shipped YAML, overrides, and errors for wrong ones."""

from dataclasses import replace
import os
import re
import sys

import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from swiftnet_ros.errors import (
    InvalidValueError,
    RosArgumentsError,
    SwiftnetError,
    UnknownNameError,
)
from swiftnet_ros.image_publisher import PublisherParameters
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.ros.parameters import (
    declare_parameters,
    declared_fields,
    descriptor,
    LIVE,
    read_parameters,
)
from swiftnet_ros.system.paths import share_folder
import yaml

YAML = share_folder('config') / 'segment.yaml'


@pytest.fixture
def declared():
    """Return a function that declares parameters on a node with ROS arguments."""
    context, nodes = Context(), []

    def declare_with(*arguments, kind=NodeParameters):
        rclpy.init(args=['--ros-args', *arguments], context=context)
        node = rclpy.create_node('declaring', context=context)
        nodes.append(node)
        return node, declare_parameters(node, kind)

    yield declare_with
    for node in nodes:
        node.destroy_node()
    if context.ok():
        rclpy.shutdown(context=context)


def test_the_shipped_yaml_has_every_parameter_with_its_default(declared):
    text = YAML.read_text()
    shipped = yaml.safe_load(text)['/**']['ros__parameters']
    names = declared_fields(NodeParameters)
    expected = {name: getattr(NodeParameters(), name) for name in names}
    assert {**shipped, 'cameras': tuple(shipped['cameras'])} == expected
    for name in names:
        assert re.search(rf'^    # .*\.\n    {name}: ', text, re.MULTILINE), name
    _, given = declared('--params-file', str(YAML))
    assert given == NodeParameters()


@pytest.mark.parametrize('kind', [NodeParameters, PublisherParameters])
def test_every_parameter_has_a_description_and_constraints(kind):
    for item in declared_fields(kind).values():
        described = descriptor(item)
        assert described.description and described.additional_constraints
        assert described.read_only == (
            described.additional_constraints == 'read once, at the start'
        )


def test_only_these_can_be_set_at_any_time():
    declared = declared_fields(NodeParameters)
    live = {name for name, item in declared.items() if item.metadata.get('changes') == LIVE}
    assert live == {'overlay_opacity', 'max_rate', 'max_age', 'confidence_threshold'}


def test_overrides_become_values(declared):
    _, given = declared('-p', 'model:=camvid', '-p', 'threads:=3', '-p', 'overlay_opacity:=0.25')
    assert given == NodeParameters(model='camvid', threads=3, overlay_opacity=0.25)


def test_a_parameter_that_is_read_once_cannot_be_set_later(declared):
    node, _ = declared(kind=PublisherParameters)
    (result,) = node.set_parameters([Parameter('rate', value=2.0)])
    assert not result.successful and node.get_parameter('rate').value == 10.0


def test_current_values_are_read(declared):
    node, given = declared('-p', 'cameras:=[front, rear]')
    assert given.cameras == ('front', 'rear')
    node.set_parameters([Parameter('overlay_opacity', value=0.75)])
    assert read_parameters(node, NodeParameters) == replace(given, overlay_opacity=0.75)


def test_parameters_of_ros_itself_are_accepted(declared):
    name = 'qos_overrides./image.subscription.reliability'
    _, given = declared('-p', 'use_sim_time:=true', '-p', f'{name}:=reliable')
    assert given == NodeParameters()


@pytest.mark.parametrize(
    ('rule', 'error'),
    [
        ('threads:=257', 'parameter threads is 257, expected a whole number of 0 to 256'),
        ('threads:=two', "parameter threads is 'two', expected a whole number"),
        ('overlay_opacity:=-0.1', 'overlay_opacity is -0.1, expected a number .* of 0.0 to 1.0'),
        ('overlay_opacity:=1', 'overlay_opacity is 1, expected a number with a decimal point'),
        ('model:=5', 'parameter model is 5, expected text'),
        ('cameras:=front', "parameter cameras is 'front', expected a list of text such as"),
        ('max_rate:=-1.0', 'max_rate is -1.0, expected a number .* of 0.0 to 1000.0'),
    ],
)
def test_a_wrong_value_raises_with_what_is_expected(declared, rule, error):
    with pytest.raises(InvalidValueError, match=error):
        declared('-p', rule)


def test_an_unknown_name_raises_with_the_nearest_one(declared):
    with pytest.raises(UnknownNameError, match="unknown parameter 'opacity'; did you mean 'over"):
        declared('-p', 'opacity:=0.5')


def test_a_number_is_no_boolean(declared):
    with pytest.raises(SwiftnetError, match='loop is 1, expected true or false$'):
        declared('-p', 'loop:=1', kind=PublisherParameters)


@pytest.fixture
def for_all(declared, tmp_path, monkeypatch):
    """Return a function that declares parameters with arguments, one a file of this content."""

    def declare_with(text, *arguments):
        (tmp_path / 'p.yaml').write_text(text)
        words = ['--params-file', str(tmp_path / 'p.yaml'), *arguments]
        monkeypatch.setattr(sys, 'argv', ['node', '--ros-args', *words])
        return declared(*words)[1]

    return declare_with


BODY = """
  ros__parameters:
    wheel_radius: 0.39
    empty: []
    start: 08:30
    deep:
      er: 1
    threads: 3
"""


@pytest.mark.parametrize('pattern', ['/**', '/*', '/**/*', '/robot/**', 'other: {}\n/**'])
def test_unknown_names_for_all_nodes_are_warnings(for_all, capfd, pattern):
    namespace = '/robot' if pattern in ('/**/*', '/robot/**') else '/'
    assert for_all(f'{pattern}:{BODY}', '-r', f'__ns:={namespace}') == NodeParameters(threads=3)
    log = capfd.readouterr().err
    for name in ('wheel_radius', 'empty', 'start', 'deep.er'):
        assert f'parameter {name} is set for all nodes, but not one of this node\n' in log


def test_what_a_launch_file_sets_for_all_nodes_is_a_warning(for_all, capfd):
    for_all('', '-r', '__node:=declaring', '-p', 'camera:=left', '-p', 'wheel_radius:=0.39')
    log = capfd.readouterr().err
    assert 'parameter camera is set for all nodes, but not one of this node; did you mean c' in log


def test_what_is_addressed_to_no_node_is_a_warning(for_all, capfd):
    for_all('', '-p', 'wheel_radius:=0.39')
    assert 'parameter wheel_radius is set for all nodes' in capfd.readouterr().err


def test_what_is_addressed_to_no_node_raises_if_it_looks_mistyped(for_all):
    with pytest.raises(UnknownNameError, match="'modle'; did you mean 'model'"):
        for_all('', '-p', 'modle:=camvid')


@pytest.mark.parametrize(
    ('text', 'arguments'),
    [
        ('declaring: {ros__parameters: {wheel_radius: 1.0}}', ()),
        ('/declaring: {ros__parameters: {wheel_radius: 1.0}}', ()),
        ('/**/declaring: {ros__parameters: {wheel_radius: 1.0}}', ()),
        ('/: {declaring: {ros__parameters: {wheel_radius: 1.0}}}', ()),
        ('', ('-p', 'declaring:wheel_radius:=1.0')),
        ('', ('--param', 'declaring:wheel_radius:=1.0')),
        (
            '/**: {ros__parameters: {wheel_radius: 1.0}}\n'
            'declaring: {ros__parameters: {wheel_radius: 1.0}}',
            (),
        ),
    ],
)
def test_an_unknown_name_for_this_node_raises(for_all, text, arguments):
    with pytest.raises(UnknownNameError, match="unknown parameter 'wheel_radius'"):
        for_all(text, *arguments)


def test_a_parameter_file_may_be_utf_16(for_all, tmp_path, capfd):
    for_all('', *_file(tmp_path, f'/**:{BODY}'.encode('utf-16')))
    assert 'parameter wheel_radius is set for all nodes' in capfd.readouterr().err


def test_a_parameter_file_of_utf_16_may_name_this_node(for_all, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown parameter 'wheel_radius'"):
        for_all('', *_file(tmp_path, f'declaring:{BODY}'.encode('utf-16')))


def test_a_parameter_file_may_be_a_pipe(declared, monkeypatch, capfd):
    """It is read once only: what it says to whom is not known."""
    reading, writing = os.pipe()
    os.write(writing, f'/**:{BODY}'.encode())
    os.close(writing)
    words = ['--params-file', f'/dev/fd/{reading}']
    monkeypatch.setattr(sys, 'argv', ['node', '--ros-args', *words])
    assert declared(*words)[1] == NodeParameters(threads=3)
    os.close(reading)
    assert 'parameter wheel_radius is set for all nodes' in capfd.readouterr().err


def _file(folder, content):
    (folder / 'other.yaml').write_bytes(content)
    return '--params-file', str(folder / 'other.yaml')


def test_a_parameter_of_another_node_is_not_known_here(for_all):
    text = '/**: {ros__parameters: {wheel_radius: 1.0}}\nother: {ros__parameters: {radius: 1.0}}'
    assert for_all(text) == NodeParameters()


def test_a_known_parameter_without_a_value_raises(for_all):
    with pytest.raises(RosArgumentsError, match=r"parameter cameras has no value: .*\[''\]"):
        for_all('/**: {ros__parameters: {cameras: []}}')
