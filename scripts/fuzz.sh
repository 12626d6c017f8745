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

# Fuzz test: read damaged models, checkpoints, JSON, YAML and camera messages from a seeded
# generator, for longer than the tests do. Not part of continuous integration. Prints every input
# that broke its reader and keeps it.
#
#   scripts/fuzz.sh [--seconds N] [--seed N] [--only KIND] [--keep FOLDER]
#
# Without --seconds it takes 60. What broke is kept in the folder fuzz.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare test cpu,training,test
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} SWIFTNET_ROS_OPENVINO_CACHE=off
exec "$PYTHON" "$ROOT/test/fuzz.py" "$@"
