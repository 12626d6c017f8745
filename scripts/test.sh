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

# Set up the environments and run all tests, with style and types. Prints every skip and fails if
# neither test/allowed_skips.txt nor test/allowed_skips_without_ros.txt lists its reason.
#
#   scripts/test.sh [--all] [arguments of pytest]
#
# --all runs the ROS tests a second time, with the wheels of ROS 2 Kilted. Arguments of pytest
# replace the two runs on the newer Python by one run with these arguments.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Print the path of the oldest supported Python, from PATH or pyenv.
find_python38() {
  local candidate
  for candidate in python3.8 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 8))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

# Run the ROS tests with the wheels of Kilted, which need an environment of their own.
test_on_kilted() {
  if ros_is_sourced; then
    log "ROS 2 $ROS_DISTRO is sourced: skipping the ROS tests with the wheels of Kilted"
    return
  fi
  local python kilted
  python=$(find_python)
  kilted=$ROOT/.venv/test-$(version_of "$python")-kilted
  venv_with "$python" "$kilted" "cpu,test$compiler,ros-kilted"
  log 'running the ROS tests with the wheels of Kilted'
  "$kilted/bin/python" -m pytest test/ros
}

# Run test files in parallel, one process of one thread for each core.
test_in_parallel() {
  local python=$1 cores
  shift
  cores=$(nproc)
  OMP_NUM_THREADS=1 "$python" -m pytest --numprocesses "$((cores < 8 ? cores : 8))" \
    --dist loadfile "$@"
}

with_kilted=
if [ "${1:-}" = --all ]; then
  with_kilted=yes
  shift
fi
cd "$ROOT"
# For the tests of the CUDA kernels.
compiler=
command -v c++ >/dev/null || compiler=,compiler
prepare test "cpu,docs,training,test$compiler"
status=0
python38=$(find_python38)
if [ -n "$python38" ]; then
  venv_with "$python38" "$ROOT/.venv/test-3.8" "cpu,test$compiler"
  log 'running the tests of the runtime on Python 3.8'
  # A sourced ROS belongs to another Python.
  (unset PYTHONPATH && test_in_parallel "$ROOT/.venv/test-3.8/bin/python" -q test/runtime) ||
    status=1
else
  log 'no Python 3.8 found: skipping the tests of the runtime on it'
fi
if [ -n "$with_kilted" ]; then
  test_on_kilted || status=1
else
  log 'skipping the ROS tests with the wheels of Kilted: they are part of scripts/test.sh --all'
fi
log "running all tests on Python $(version_of "$PYTHON")"
if [ $# -gt 0 ]; then
  "$PYTHON" -m pytest "$@" || status=1
else
  timed=(test/ros test/launch)
  test_in_parallel "$PYTHON" "${timed[@]/#/--ignore=}" || status=1
  log 'running the ROS tests, one after another because they measure time'
  "$PYTHON" -m pytest "${timed[@]}" || status=1
fi
[ "$status" = 0 ] || log 'error: a test failed or was skipped for a reason that is not allowed'
exit "$status"
