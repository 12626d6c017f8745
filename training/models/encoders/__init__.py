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

"""The encoders by name: each has a line in ENCODERS."""

from collections.abc import Callable, Sequence

from training.models.encoders.base import Encoder
from training.models.encoders.mobilenet_v2 import mobilenet_v2
from training.models.encoders.resnet import resnet18, resnet34, resnet50

# (widths of the stem and the four stages, None for the published ones; pyramid levels) -> encoder
EncoderBuilder = Callable[[Sequence[int] | None, int], Encoder]

ENCODERS: dict[str, EncoderBuilder] = {
    'mobilenet_v2': mobilenet_v2,
    'resnet18': resnet18,
    'resnet34': resnet34,
    'resnet50': resnet50,
}
