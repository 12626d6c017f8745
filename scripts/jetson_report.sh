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

# Build FP16 and INT8 engines on this device, measure them, and write the Xavier table of the
# reference work for it: device_report/report.md, with the raw data in report.json.
#
#   scripts/jetson_report.sh [MODEL.onnx ...] --images DIR [--labels DIR] [--repeat N] [--out DIR]
#
# Without models it measures the shipped ones. It needs Python 3.8 or newer, numpy, OpenCV, onnx,
# TensorRT and PyCUDA, but no torch, and installs nothing. Set the power mode first (sudo nvpmodel
# -m 0, sudo jetson_clocks). The environment variable PYTHON selects another Python.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
exec "${PYTHON:-python3}" -m swiftnet_ros.device_report "$@"
