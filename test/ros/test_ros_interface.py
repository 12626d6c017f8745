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

"""The tables of docs/ros_interface.md equal the interface of the running node."""

import re

from helpers.checkout import ROOT
from helpers.node_graph import IN_OTHER_RELEASES
import pytest
from rcl_interfaces.msg import ParameterType
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.ros.node_parameters import NodeParameters
from swiftnet_ros.ros.parameters import declared_fields
import yaml

TEXT = (ROOT / 'docs' / 'ros_interface.md').read_text()
KINDS = {
    ParameterType.PARAMETER_BOOL: 'boolean',
    ParameterType.PARAMETER_INTEGER: 'whole number',
    ParameterType.PARAMETER_DOUBLE: 'number',
    ParameterType.PARAMETER_STRING: 'text',
    ParameterType.PARAMETER_STRING_ARRAY: 'list of text',
}
RELIABILITIES = {
    ReliabilityPolicy.RELIABLE: 'reliable',
    ReliabilityPolicy.BEST_EFFORT: 'best effort',
}
DURABILITIES = {
    DurabilityPolicy.VOLATILE: 'volatile',
    DurabilityPolicy.TRANSIENT_LOCAL: 'transient local',
}
# Whether a node has these depends on installed packages and ROS tools.
BY_OTHERS = ('qos_overrides.', 'diagnostic_updater.')


def table(heading):
    """Return the rows of the table below a heading, each a list of cells."""
    section = re.split(r'^#+ ', TEXT.split(f'# {heading}\n')[1], flags=re.MULTILINE)[0]
    rows = [line.strip('|').split('|') for line in section.splitlines() if line.startswith('| `')]
    assert rows, heading
    stripped = [[cell.strip() for cell in row] for row in rows]
    return [row for row in stripped if not {*code(row[0])} & IN_OTHER_RELEASES]


def code(cell):
    """Return the texts in backquotes in a cell."""
    return re.findall('`([^`]*)`', cell)


@pytest.fixture
def graph(graphs):
    """Return the graph of a node with one camera."""
    return graphs['/segmentation']


@pytest.mark.parametrize(
    ('heading', 'attribute'),
    [('Published topics', 'published'), ('Subscribed topics', 'subscribed')],
)
def test_every_topic_has_a_row_with_type_and_qos(graph, heading, attribute):
    rows = {code(row[0])[0]: row[1:] for row in table(heading)}
    if not info_msgs.AVAILABLE:
        rows.pop('~/label_info', None)
    topics = getattr(graph, attribute)
    names = {name: name if name[0] in '/~' else f'/{name}' for name in rows}
    assert set(names.values()) == set(topics)
    for name, (kind, qos, _) in rows.items():
        profile = graph.qos[names[name]]
        assert code(kind) == [topics[names[name]]]
        expected = [RELIABILITIES[profile.reliability], DURABILITIES[profile.durability]]
        assert qos.split(', ')[:2] == expected, name


def test_every_service_has_a_row_with_its_type(graph):
    rows = {code(row[0])[0]: code(row[1])[0] for row in table('Services')}
    assert rows == graph.services


def test_every_parameter_has_a_row_with_type_range_and_constraint(graph):
    known = {name for name in graph.descriptors if not name.startswith(BY_OTHERS)}
    rows = {code(row[0])[0]: row[1:] for row in table('Parameters')}
    assert set(rows) == known
    for name, (kind, _, limits, moment) in rows.items():
        described = graph.descriptors[name]
        spans = [*described.floating_point_range, *described.integer_range]
        expected = f'{spans[0].from_value} to {spans[0].to_value}' if spans else ''
        assert (kind, limits) == (KINDS[described.type], expected), name
        assert described.read_only == (moment == 'at the start only'), name
        if described.additional_constraints and not described.read_only:
            assert described.additional_constraints.endswith(moment.replace('`', '')), name


def test_every_parameter_has_its_default():
    rows = {code(row[0])[0]: yaml.safe_load(code(row[2])[0]) for row in table('Parameters')}
    names = declared_fields(NodeParameters)
    defaults = {name: getattr(NodeParameters(), name) for name in names}
    defaults['cameras'] = list(defaults['cameras'])
    assert {name: rows[name] for name in defaults} == defaults


def test_every_diagnostics_key_has_a_row(graphs):
    for enclave, cameras in (('/segmentation', ['']), ('/multi_camera', [' front', ' rear'])):
        statuses = graphs[enclave].statuses
        expected = ['segmentation: engine', *(f'segmentation: camera{name}' for name in cameras)]
        assert sorted(statuses) == sorted(expected)
        for name, keys in statuses.items():
            kind = 'the engine' if name.endswith('engine') else 'a camera'
            listed = [key for row in table(f'Status of {kind}') for key in code(row[0])]
            assert keys == listed
