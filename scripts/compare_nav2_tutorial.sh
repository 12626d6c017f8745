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

# Compare the segmentation node with a plain one, as integrators write it after a tutorial: rclpy,
# OpenCV, NumPy and ONNX Runtime, one callback, depth 1. The same camera, topics, network and machine.
#
#   scripts/compare_nav2_tutorial.sh [--quick] [--json FILE] [OPTION...]
#
# Takes 6 minutes on an idle machine; stores docs/results/peer/warehouse.json and updates
# docs/performance.md, --quick does neither. Other options are those of test/peer/compare.py. PYTHON
# is a Python with all packages, onnxruntime too.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
if [ -z "${PYTHON:-}" ]; then
  prepare test cpu,training,test
  "$PYTHON" -c 'import onnxruntime' 2>/dev/null ||
    "$PYTHON" -m pip install --quiet 'onnxruntime>=1.17' >&2
fi
limit_discovery
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))} PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
log "load before: $(cut -d' ' -f1 /proc/loadavg); nothing else should keep the computer busy"
if [ "${1:-}" = --quick ]; then
  shift
  exec "$PYTHON" test/peer/compare.py --seconds 2 --rounds 1 "$@"
fi
mkdir -p docs/results/peer
"$PYTHON" test/peer/compare.py --json docs/results/peer/warehouse.json "$@"
"$PYTHON" -m training bench --tables docs/performance.md
