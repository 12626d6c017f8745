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

"""The class names as a message, with and without vision_msgs."""

from importlib.util import find_spec
import sys
from types import ModuleType, SimpleNamespace

from helpers.ros_probe import stamped
import pytest
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.ros import info_msgs


@pytest.fixture
def messages(monkeypatch):
    """Install fakes of the messages if vision_msgs is not installed."""
    if find_spec('vision_msgs') is None:
        module = ModuleType('vision_msgs.msg')
        module.LabelInfo = module.VisionClass = SimpleNamespace
        monkeypatch.setitem(sys.modules, 'vision_msgs', ModuleType('vision_msgs'))
        monkeypatch.setitem(sys.modules, 'vision_msgs.msg', module)


def test_available_is_whether_vision_msgs_is_installed():
    assert info_msgs.AVAILABLE is (find_spec('vision_msgs') is not None)


def test_every_class_id_has_its_name_and_the_unlabeled_id_has_none(messages, tiny_path, wide_path):
    for path in (tiny_path, wide_path):
        spec = read_spec(path)
        message = info_msgs.label_info(spec, stamped(3))
        table = {item.class_id: item.class_name for item in message.class_map}
        assert table == dict(enumerate(spec.class_names))
        assert spec.unlabeled_id not in table
        assert message.header == stamped(3) and message.threshold == 0.0
