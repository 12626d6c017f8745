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

# Set everything up and run every check: style, types, and all tests. Prints every skip, and
# fails on one that test/allowed_skips.txt does not list.
#
#   scripts/test.sh [--all] [arguments of pytest]
#
# With --all the ROS tests run a second time, on the wheels of ROS 2 Kilted beside those of Jazzy.
# With arguments of pytest, one run with them takes the place of the two on the newer Python.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The oldest Python of the runtime, on the path or from pyenv.
find_python38() {
  local candidate
  for candidate in python3.8 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 8))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

# The tests of everything that talks ROS, on the wheels of Kilted; an environment holds one ROS.
test_on_kilted() {
  if ros_is_sourced; then
    say "ROS 2 $ROS_DISTRO is sourced: the ROS tests on the wheels of Kilted are left out"
    return
  fi
  local python kilted
  python=$(find_python)
  kilted=$ROOT/.venv/test-$(version_of "$python")-kilted
  venv_with "$python" "$kilted" "cpu,test$compiler,ros-kilted"
  say 'the ROS tests on the wheels of Kilted'
  "$kilted/bin/python" -m pytest test/ros
}

# A file at a time in as many processes as there are cores, each of one thread.
test_side_by_side() {
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
# What also runs on Python 3.8, without ROS.
runtime=(test/test_*.py test/system test/model_spec test/core test/backends test/serving
  test/benchmark test/device_report)
# For the tests of the CUDA kernels.
compiler=
command -v c++ >/dev/null || compiler=,compiler
prepare test "cpu,training,test$compiler"
status=0
python38=$(find_python38)
if [ -n "$python38" ]; then
  venv_with "$python38" "$ROOT/.venv/test-3.8" "cpu,test$compiler"
  say 'the tests of the runtime on Python 3.8'
  # Without ROS, which may be sourced for another Python.
  (unset PYTHONPATH && test_side_by_side "$ROOT/.venv/test-3.8/bin/python" -q "${runtime[@]}") ||
    status=1
else
  say 'no Python 3.8 here: the tests of the runtime on it are left out'
fi
if [ -n "$with_kilted" ]; then
  test_on_kilted || status=1
else
  say 'the ROS tests on the wheels of Kilted are left out: they are part of scripts/test.sh --all'
fi
say "all tests on Python $(version_of "$PYTHON")"
if [ $# -gt 0 ]; then
  "$PYTHON" -m pytest "$@" || status=1
else
  timed=(test/ros test/launch)
  test_side_by_side "$PYTHON" "${timed[@]/#/--ignore=}" || status=1
  say 'those that talk ROS one after another, since times count in them'
  "$PYTHON" -m pytest "${timed[@]}" || status=1
fi
[ "$status" = 0 ] || say 'error: a test failed or was skipped without leave; see above'
exit "$status"
