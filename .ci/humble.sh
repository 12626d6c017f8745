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

# Test an installed swiftnet_ros in the sourced ROS.

set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
python -m pip install --quiet --no-deps --no-build-isolation --use-pep517 --ignore-installed \
  --prefix "$prefix" .
# Where ROS looks for executables; pip puts them into bin.
mkdir -p "$prefix/lib/swiftnet_ros"
ln -s "$prefix"/bin/* "$prefix/lib/swiftnet_ros"
export AMENT_PREFIX_PATH=$prefix:$AMENT_PREFIX_PATH
library=$(python -c 'import sys; print(f"{sys.argv[1]}/lib/python3.{sys.version_info[1]}")' "$prefix")
export PYTHONPATH=$library/site-packages:${PYTHONPATH:-}
python -m pytest test/ros test/launch test/runtime
