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

# Soak test: run the node for long at twice the frame rate it can process, and check that memory
# and throughput stay constant. Not part of continuous integration. Sets up an environment and
# prints one JSON line.
#
#   scripts/soak.sh [--minutes N] [--model MODEL] [--most-growth MB] [--kept-rate FRACTION]
#
# Without --minutes it takes 20. The machine should be idle otherwise.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare demo cpu
# Apart from other nodes on this machine.
limit_discovery
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))}
exec "$PYTHON" "$ROOT/test/soak.py" "$@"
