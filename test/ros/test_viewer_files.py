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

"""The RViz configuration and the Foxglove layout show topics of the running node."""

import json

import pytest
from swiftnet_ros.system.paths import share_folder
import yaml

CONFIG = share_folder('config')
SHOWN = {'/image', '/segmentation/overlay', '/segmentation/color'}


@pytest.fixture
def kinds(graphs):
    """Return the types of the node's topics by their full names."""
    graph = graphs['/segmentation']
    topics = {**graph.published, **graph.subscribed}
    return {name.replace('~', '/segmentation'): kind for name, kind in topics.items()}


def test_rviz_shows_images_of_the_node_with_a_compatible_qos(graphs, kinds):
    tree = yaml.safe_load((CONFIG / 'segment.rviz').read_text())
    displays = tree['Visualization Manager']['Displays']
    assert {item['Topic']['Value'] for item in displays} == SHOWN
    for item in displays:
        topic = item['Topic']['Value']
        assert item['Class'] == 'rviz_default_plugins/Image' and item['Enabled']
        assert kinds[topic] == 'sensor_msgs/msg/Image'
        # A camera is best effort, and a reliable subscription receives nothing from it.
        reliability = 'Best Effort' if topic == '/image' else 'Reliable'
        assert item['Topic']['Reliability Policy'] == reliability


def panels_in(layout):
    """Return the names of the panels of a Foxglove layout."""
    if isinstance(layout, str):
        return [layout]
    assert layout['direction'] in ('row', 'column') and 0 < layout['splitPercentage'] < 100
    return panels_in(layout['first']) + panels_in(layout['second'])


def test_every_panel_of_the_foxglove_layout_is_configured():
    tree = json.loads((CONFIG / 'foxglove_layout.json').read_text())
    assert sorted(panels_in(tree['layout'])) == sorted(tree['configById'])


def test_foxglove_shows_images_and_diagnostics_of_the_node(graphs, kinds):
    panels = json.loads((CONFIG / 'foxglove_layout.json').read_text())['configById'].values()
    images = {panel['imageMode']['imageTopic'] for panel in panels if 'imageMode' in panel}
    assert images == SHOWN
    assert {kinds[topic] for topic in images} == {'sensor_msgs/msg/Image'}
    topics = {panel['topicToRender'] for panel in panels if 'topicToRender' in panel}
    assert [kinds[topic] for topic in topics] == ['diagnostic_msgs/msg/DiagnosticArray']
    names = {panel['selectedName'] for panel in panels if 'selectedName' in panel}
    assert names and names <= set(graphs['/segmentation'].statuses)
