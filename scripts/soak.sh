#!/bin/bash
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

# Let the node work for long with twice the frames that it can answer, and see whether its memory
# stays flat and its pace the same; not a part of continuous integration. Sets everything up and
# prints one JSON line.
#
#   scripts/soak.sh [--minutes N] [--model MODEL] [--most-growth MB] [--kept-rate FRACTION]
#
# Without --minutes it takes 20. Nothing else should keep the computer busy meanwhile.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare demo cpu
# On this machine only, and apart from other nodes.
export ROS_AUTOMATIC_DISCOVERY_RANGE=${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))}
exec "$PYTHON" "$ROOT/test/soak.py" "$@"
