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

"""
Inference on the CPU with OpenVINO, without its telemetry.

`import openvino` would make a client ID in the user's home folder and send an event over the
network, unless it finds no module of telemetry.
"""

import sys

sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]
