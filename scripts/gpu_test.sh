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


# Test this package on the NVIDIA GPU of this machine, measure it, and store the result.
#
#   scripts/gpu_test.sh [--sanitize] [--seconds N] [--results DIR] [MODEL...]
#
# It runs test/gpu, with --sanitize also the kernels' tests under compute-sanitizer. Then it measures
# the shipped models (or each MODEL) and, where training/ can run, the networks of the reference work
# at 2048x1024 and 1024x512, in FP32, FP16 and both kinds of INT8, layer by layer. It writes
# docs/results/gpu/GPU_TENSORRT.json (or in DIR) and the tables of docs/performance.md, and installs
# nothing. No measurement starts when N seconds (default 900) are over. Raw output is in $OUT
# (default: gpu_out). PYTHON has numpy, OpenCV, onnx, Pillow, TensorRT, PyCUDA and pytest;
# TRAINING_PYTHON (default: PYTHON), with the packages in TRAINING_PYTHONPATH, what training/ needs.

set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
PYTHON=${PYTHON:-python3}
TRAINING_PYTHON=${TRAINING_PYTHON:-$PYTHON}

sanitize='' seconds=900 results=$ROOT/docs/results/gpu models=()
sizes=(2048x1024 1024x512)
while [ $# -gt 0 ]; do
  case $1 in
    --sanitize) sanitize=yes ;;
    --seconds) seconds=${2:?--seconds needs a number} && shift ;;
    --results) results=$(realpath -m "${2:?--results needs a folder}") && shift ;;
    -*) echo "error: unknown option $1; see $0" >&2 && exit 2 ;;
    *) models+=("$(realpath "$1")") ;;
  esac
  shift
done
cd "$ROOT" || exit 1
out=${OUT:-$ROOT/gpu_out}
mkdir -p "$out"
export SWIFTNET_ROS_CACHE=${SWIFTNET_ROS_CACHE:-$out/cache}
start=$SECONDS status=0
log() { echo "[$((SECONDS - start)) s] $*" >&2; }

# A Python of the kit has a home and libraries of its own.
training() {
  env -u PYTHONHOME -u LD_LIBRARY_PATH "PYTHONPATH=$ROOT:${TRAINING_PYTHONPATH:-}" \
    "$TRAINING_PYTHON" "$@"
}

reason=$("$PYTHON" -c 'from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend as backend
print(backend.unavailable_reason())') || exit 1
if [ -n "$reason" ]; then
  echo "error: nothing to test: $reason" >&2
  exit 1
fi

log 'test/gpu'
"$PYTHON" -m pytest -q -rs -p no:cacheprovider test/gpu 2>&1 | tee "$out/tests.txt" || status=1
note="test/gpu: $(grep -E '(passed|failed|error).* in ' "$out/tests.txt" | tail -1 | tr -d '=')"
if [ -n "$sanitize" ] && ! command -v compute-sanitizer >/dev/null; then
  log 'compute-sanitizer is not installed: skipped'
elif [ -n "$sanitize" ]; then
  log 'the kernels under compute-sanitizer'
  compute-sanitizer --error-exitcode 9 "$PYTHON" -m pytest -q -p no:cacheprovider \
    test/gpu/test_gpu_kernels.py >"$out/sanitizer.txt" 2>&1 || status=1
  note="$note; compute-sanitizer: $(grep 'ERROR SUMMARY' "$out/sanitizer.txt" | tail -1)"
fi

[ ${#models[@]} -gt 0 ] || models=(models/*.fp32.onnx)
if training -c 'import cv2, dacite, swiftnet_ros.backends.openvino.engine, torch' 2>"$out/training.txt"; then
  log 'networks of the reference work'
  networks=$out/networks
  mkdir -p "$networks"
  configs=(training/configs/seminar/{full,first2,all}.yaml)
  training -m training bench "${configs[@]}" --sizes "${sizes[@]}" --precisions fp32 int8 \
    --write --work "$networks" >"$out/training.txt" 2>&1 || status=1
  for file in "$networks"/*/*.*; do
    name=$(basename "$(dirname "$file")")_$(basename "$file")
    ln -sf "$file" "$networks/$name"
  done
  for size in "${sizes[@]}"; do
    for name in full first2 all; do
      [ ! -e "$networks/${name}_$size.fp32.onnx" ] || models+=("$networks/${name}_$size.fp32.onnx")
    done
  done
else
  log "the reference work is skipped: $(tail -1 "$out/training.txt")"
fi

log 'measurements'
"$PYTHON" -m swiftnet_ros.device_report "${models[@]}" --images demo/images \
  --precisions fp32,fp16,int8 --profile --seconds "$((seconds - SECONDS + start))" --out "$out/report" \
  --results "$results" --note "$note" >"$out/report.txt" || status=1
"$PYTHON" -m swiftnet_ros.build_engine "${models[0]}" --precision best >"$out/best.txt" || status=1
if training -c 'import matplotlib, torch' 2>/dev/null; then
  training -m training bench --tables docs/performance.md || status=1
fi
log "done: $results"
exit "$status"
