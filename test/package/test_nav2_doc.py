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

"""The parameters in docs/nav2.md name classes of the default model and topics of the node."""

import re

from helpers.checkout import ROOT
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.model_spec.find_model import find_model
import yaml

DOCS = ROOT / 'docs'
BLOCKS = re.findall('```yaml\n(.*?)```', (DOCS / 'nav2.md').read_text(), re.DOTALL)
COSTMAP, MANAGER = (yaml.safe_load(block) for block in BLOCKS)
CAMERA = COSTMAP['local_costmap']['local_costmap']['ros__parameters']['semantic_layer']['camera']


def test_every_class_of_the_default_model_has_one_cost():
    named = [name for kind in CAMERA['class_types'] for name in CAMERA[kind]['classes']]
    assert sorted(named) == sorted(read_spec(find_model('warehouse')).class_names)


def test_topics_are_outputs_of_the_node():
    interface = (DOCS / 'ros_interface.md').read_text()
    for source in ('segmentation_topic', 'confidence_topic', 'labels_topic'):
        topic = CAMERA[source]
        assert topic.startswith('/segmentation/')
        assert f'| `{topic.replace("/segmentation", "~")}` |' in interface


def test_the_lifecycle_manager_waits_for_no_bond():
    parameters = MANAGER['lifecycle_manager_perception']['ros__parameters']
    assert parameters['bond_timeout'] == 0.0 and parameters['node_names'] == ['segmentation']
