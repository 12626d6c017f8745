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

"""The class table of a model as `vision_msgs/LabelInfo`, where vision_msgs is installed."""

from importlib.util import find_spec
from typing import Any

from swiftnet_ros.model_spec import ModelSpec

AVAILABLE = find_spec('vision_msgs') is not None
"""Whether vision_msgs is installed."""


def label_info(spec: ModelSpec, header: Any) -> Any:
    """
    Name the ids of a label image; only where vision_msgs is AVAILABLE.

    The id of unlabeled pixels is left out: Nav2's segmentation layer skips ids without a name
    and complains of names without a cost.
    """
    from vision_msgs.msg import LabelInfo, VisionClass

    classes = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(spec.class_names)
    ]
    return LabelInfo(header=header, class_map=classes, threshold=0.0)
