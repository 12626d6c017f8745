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

"""The SROS 2 policy grants exactly what the running node uses."""

from xml.etree import ElementTree

from helpers.node_graph import IN_OTHER_RELEASES
import pytest
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.system.paths import share_folder

POLICY = ElementTree.parse(share_folder('config') / 'sros2_policy.xml').getroot()
ENCLAVES = ['/segmentation', '/multi_camera']
# Only if vision_msgs is installed.
CLASS_TABLES = {'~/label_info', '~/front/label_info', '~/rear/label_info'}


def granted(enclave, group, action):
    """Return the names that an enclave may use, absolute or with `~`."""
    names = []
    for element in POLICY.findall(f".//enclave[@path='{enclave}']//{group}[@{action}='ALLOW']"):
        assert list(element.attrib) == [action]
        names += [item.text for item in element]
    assert len(names) == len(set(names)) and names == sorted(names)
    return {name if name[0] in '/~' else f'/{name}' for name in names}


def test_there_is_an_enclave_for_one_and_for_several_cameras():
    assert POLICY.get('version') == '0.2.0'
    assert [item.get('path') for item in POLICY.iter('enclave')] == ENCLAVES
    profiles = [dict(item.attrib) for item in POLICY.iter('profile')]
    assert profiles == [{'ns': '/', 'node': 'segmentation'}] * 2


def test_nothing_is_granted_by_a_pattern_and_nothing_is_requested():
    names = [item.text for kind in ('topic', 'service') for item in POLICY.iter(kind)]
    assert not [name for name in names if '*' in name or '?' in name]
    assert {name for item in POLICY.iter('services') for name in item.attrib} == {'reply'}


@pytest.mark.parametrize('enclave', ENCLAVES)
def test_topics_and_services_are_those_of_the_running_node(enclave, graphs):
    graph = graphs[enclave]
    assert granted(enclave, 'topics', 'subscribe') == set(graph.subscribed)
    assert granted(enclave, 'services', 'reply') - IN_OTHER_RELEASES == set(graph.services)
    allowed, used = granted(enclave, 'topics', 'publish'), set(graph.published)
    assert allowed - used == (set() if info_msgs.AVAILABLE else allowed & CLASS_TABLES)
    assert used <= allowed
