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
import re

import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from swiftnet_ros.errors import InvalidValueError, SwiftnetError, UnknownNameError
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
        node = rclpy.create_node(
            'declaring', context=context, automatically_declare_parameters_from_overrides=True
        )
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
