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

# Run the demo: sets up an environment, publishes the shipped frames to the node over topics,
# prints one JSON line and writes a page, demo_out/index.html, with images, IoU and speed.
#
#   scripts/demo.sh [--seconds N] [--out FOLDER] [--rate HZ] [--model MODEL] [--view [PORT]]
#
# Without --seconds it runs until Ctrl-C. With --view, a page on this machine shows the overlay live.
# If ROS is sourced, it is used.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare demo cpu
# Apart from other nodes on this machine.
limit_discovery
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))}
exec "$PYTHON" -m swiftnet_ros.demo "$@"
