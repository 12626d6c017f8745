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

# Shared by the other scripts: find or install a Python, and set up a virtual environment.
#
#   prepare NAME EXTRAS    create .venv/NAME-... with these extras of setup.py; sets $PYTHON
#
# All messages go to stderr.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The Python versions with wheels of rclpy.
PYTHONS='3.10 to 3.13'
IS_SUITABLE='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'

log() { echo "$@" >&2; }

die() {
  log "error: $*"
  exit 1
}

# Check the name of a shipped model, and export the folders of its data sets.
check_model() {
  case $1 in indoor | street) ;; *) die "the model is '$1', expected: indoor or street" ;; esac
  [ -n "${REAL:-}" ] ||
    die 'set REAL to the folder of the data sets and weights that the model card lists'
  [ "$1" != street ] || [ -n "${CAMVID:-}" ] || die 'set CAMVID to the folder of CamVid'
  export REAL CAMVID
}

# Install packages of Debian or Ubuntu, or print which ones to install.
apt_install() {
  command -v apt-get >/dev/null || die "install $* with your package manager, then run this again"
  local as=()
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "run: sudo apt-get install -y $*; then run this again"
    as=(sudo -n)
  fi
  log "installing $*"
  if ! "${as[@]}" apt-get update -qq >&2 ||
    ! "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
      --no-install-recommends "$@" >&2; then
    die "apt-get could not install $*"
  fi
}

# Whether ROS is sourced and its Python can import rclpy.
ros_is_sourced() {
  [ -n "${ROS_DISTRO:-}" ] && python3 -c 'import rclpy, sensor_msgs' 2>/dev/null
}

# Print the path of the Python of ROS, or else of the first one with wheels of rclpy.
find_python() {
  if ros_is_sourced; then
    command -v python3
    return
  fi
  command -v python3 >/dev/null || apt_install python3 python3-venv ca-certificates
  local name
  for name in python3 python3.12 python3.11 python3.10 python3.13; do
    if command -v "$name" >/dev/null && "$name" -c "$IS_SUITABLE" 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  die "$(python3 --version) is not supported: install Python $PYTHONS, for example python3.12"
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Versions that pip must not change: the extensions of ROS were built with them.
ros_constraints() {
  "$1" -c 'import numpy; print("numpy==" + numpy.__version__)'
  # cv_bridge needs the type codes of OpenCV 4; launch_pytest does not load with pytest 8.4.
  printf '%s\n' 'opencv-python-headless<5' 'pytest<8.4'
}

# make_venv PYTHON FOLDER EXTRAS [yes: with the site-packages of the system]
make_venv() {
  local python=$1 folder=$2 extras=$3 system=${4:-}
  local version options=() constraints
  version=$(version_of "$python")
  "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install "python$version-venv"
  [ -z "$system" ] || options=(--system-site-packages)
  "$python" -m venv "${options[@]}" "$folder" >&2 || die "$python could not create $folder"
  constraints=$folder/constraints.txt
  : >"$constraints"
  if [ -n "$system" ]; then
    # For a Python of ROS that is itself a virtual environment.
    "$python" -c 'import site; print("\n".join(site.getsitepackages()))' \
      >"$folder/lib/python$version/site-packages/ros.pth"
    ros_constraints "$folder/bin/python" >"$constraints"
  fi
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 \
    --constraint "$constraints" --editable "${ROOT}[$extras]" >&2 ||
    die "pip could not install swiftnet_ros[$extras]; see above"
}

# venv_with PYTHON FOLDER EXTRAS [yes]: make_venv, unless FOLDER is up to date with setup.py.
venv_with() {
  local folder=$2 stamp
  stamp=$(echo "$ROOT $3" | cat - "$ROOT/setup.py" | sha256sum)
  mkdir -p "$(dirname "$folder")"
  (
    if ! flock --timeout 1 9; then
      log "waiting for another process that sets up $folder"
      flock 9
    fi
    [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
    log "setting up $folder (only once)"
    make_venv "$@"
    echo "$stamp" >"$folder/stamp"
  ) 9>"$folder.lock" || exit 1
}

# Limit discovery to this machine, unless the user has set how far it reaches. Humble knows only the
# second variable, of which newer releases warn.
limit_discovery() {
  [ -z "${ROS_AUTOMATIC_DISCOVERY_RANGE:-}${ROS_LOCALHOST_ONLY:-}" ] || return 0
  export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
  [ "${ROS_DISTRO:-}" != humble ] || export ROS_LOCALHOST_ONLY=1
}

prepare() {
  local name=$1 extras=$2 python folder
  python=$(find_python) || exit 1
  folder=$ROOT/.venv/$name-$(version_of "$python")
  if ros_is_sourced; then
    log "using ROS 2 $ROS_DISTRO"
    venv_with "$python" "$folder-$ROS_DISTRO" "$extras" yes
    PYTHON=$folder-$ROS_DISTRO/bin/python
    "$PYTHON" -c 'import rclpy' || die "$PYTHON cannot import rclpy of ROS 2 $ROS_DISTRO"
  else
    venv_with "$python" "$folder" "$extras,ros"
    PYTHON=$folder/bin/python
  fi
}
