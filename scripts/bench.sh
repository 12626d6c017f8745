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

# Measure everything that this machine can, store the JSON in docs/results/bench/, and update the
# tables and plots of the documents. Takes a quarter of an hour on two idle CPUs.
#
#   scripts/bench.sh [--quick] [--out FOLDER] [STEP...]
#
# A STEP is one of matrix, shipped, node, start, sizes, cameras, reference, blocks and documents;
# without any all of these run. Also: threads (the node with one and two threads of the network, at
# 10 Hz and at twice the load), executor (what a frame of four cameras of 30 Hz costs without it)
# and copies (the CPU time of each copy of a frame). --quick measures small networks briefly into a temporary folder: it shows that everything
# runs, its figures mean nothing. PYTHON is a Python with all packages.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quick='' out='' steps=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --out) out=${2:?} && shift ;;
    -*) die "unknown option $1; see $0" ;;
    *) steps+=("$1") ;;
  esac
  shift
done
[ ${#steps[@]} -gt 0 ] ||
  steps=(matrix shipped node start sizes cameras reference blocks documents)
cd "$ROOT"
[ -n "${PYTHON:-}" ] || prepare test cpu,training,test

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "$quick" ]; then
  out=${out:-$work/quick}
  mkdir -p "$out/docs"
  cp "$ROOT/README.md" "$out"
  cp -r "$ROOT/docs/performance.md" "$ROOT/docs/results" "$out/docs"
  network=256x128 large=256x128 sizes=(128x64 256x128 384x192) repeats=(2 2 2 2 2)
  rounds=1 seconds=1.5
else
  out=${out:-$ROOT}
  network=1024x512 large=2048x1024 sizes=(512x256 768x384 1024x512 1536x768 2048x1024)
  repeats=(10 5 10 10 20)
  rounds=3 seconds=12
fi
results=$out/docs/results/bench
images=$out/docs/images/bench
mkdir -p "$results" "$images"
bench=training/configs/bench reference=training/configs/seminar
threads=$("$PYTHON" -c 'import os; print(min(2, len(os.sched_getaffinity(0))))')
# Without bf16 instructions OpenVINO would only emulate it.
precisions=(fp32 int8)
! grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo || precisions=(fp32 bf16 int8)
# Apart from other nodes on this machine.
limit_discovery
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))}

# Networks with random weights are exported and quantized once for all steps.
bench() {
  "$PYTHON" -m training bench "$@" --threads "$threads" >&2
}

node() {
  local result=$1
  shift
  "$PYTHON" -m swiftnet_ros.benchmark --images demo/images --threads "$threads" \
    --json "$results/$result.json" "$@" >/dev/null
}

# Print the path of the pruned INT8 network, and make it unless an earlier step did.
pruned() {
  local model=$work/19/all/$network.int8.onnx
  [ -f "$model" ] || bench "$bench/all.yaml" --sizes $network --precisions int8 --repeats 1 \
    --work "$work/19"
  echo "$model"
}

# Networks in every precision, with cameras of the network's size and of 1920x1080.
step_matrix() {
  bench $bench/{full,first2,all}.yaml --sizes $network --precisions "${precisions[@]}" \
    --cameras 1024x512 1920x1080 --cpu-peak --repeats "${repeats[0]}" --work "$work/19" \
    --plots "$images" --json "$results/matrix.json"
}

# The shipped models, each at its own size.
step_shipped() {
  bench models/{indoor,street}.fp32.onnx --precisions "${precisions[@]}" --cameras 1024x576 \
    --repeats "${repeats[0]}" --json "$results/shipped.json"
  # As on a CPU without AVX-512, AMX and VNNI.
  ONEDNN_MAX_CPU_ISA=AVX2 SWIFTNET_ROS_OPENVINO_CACHE=off bench models/{indoor,street}.fp32.onnx \
    --precisions fp32 int8 --cameras 1024x576 --repeats "${repeats[0]}" --json "$results/shipped_avx2.json"
}

# The size and classes of the reference work's tables.
step_reference() {
  bench $reference/{full,first2,all}.yaml --sizes $large --precisions "${precisions[@]}" --cpu-peak \
    --repeats "${repeats[1]}" --work "$work/150" --json "$results/reference.json"
}

# Milliseconds per level and block of the pyramid.
step_blocks() {
  bench $reference/{full,all}.yaml --sizes $network --per-block --repeats "${repeats[2]}" \
    --work "$work/150" --json "$results/blocks.json"
}

step_sizes() {
  bench $bench/all.yaml --sizes "${sizes[@]}" --precisions fp32 int8 \
    --repeats "${repeats[3]}" --work "$work/19" --plots "$images" --json "$results/sizes.json"
}

step_cameras() {
  bench $bench/all.yaml --sizes $network --precisions int8 --camera-counts 1 2 3 4 \
    --repeats "${repeats[4]}" --work "$work/19" --plots "$images" --json "$results/cameras.json"
}

# Latency from a camera's stamp to the reception of labels, over topics.
step_node() {
  local model
  model=$(pruned)
  local camera=(--model "$model" --rounds "$rounds" --seconds "$seconds")
  node node_512 "${camera[@]}" --size 1024x512 --rate 10
  node node_1080 "${camera[@]}" --size 1920x1080 --rate 10
  node node_overload "${camera[@]}" --size 1024x512 --overload 2
  node node_cameras "${camera[@]}" --size 1920x1080 --cameras 4 --rate 10
  node node_trained --rounds "$rounds" --seconds "$seconds" --size 1920x1080 --rate 10
}

# From process start to the first labels, with the shipped and the default discovery period.
step_start() {
  node node_start --cold-start --rounds "$rounds"
  sed '/<builtin>/,/<\/builtin>/d' config/fastdds.xml >"$work/slow.xml"
  FASTRTPS_DEFAULT_PROFILES_FILE=$work/slow.xml FASTDDS_DEFAULT_PROFILES_FILE=$work/slow.xml \
    node node_start_slow_discovery --cold-start --rounds "$rounds"
}

step_threads() {
  local model threads
  model=$(pruned)
  local camera=(--model "$model" --rounds "$rounds" --seconds "$seconds" --size 1920x1080)
  for threads in 1 2; do
    node "threads_$threads" "${camera[@]}" --rate 10
    node "threads_${threads}_overload" "${camera[@]}" --overload 2
  done
}

step_executor() {
  PYTHONPATH=$ROOT:$ROOT/test "$PYTHON" test/executor_cost.py --seconds "$seconds" \
    --json "$results/executor.json" >/dev/null
}

step_copies() {
  PYTHONPATH=$ROOT:$ROOT/test "$PYTHON" test/frame_copies.py --threads "$threads" \
    --json "$results/copies.json" >&2
}

step_documents() {
  "$PYTHON" -m training bench --tables "$out/README.md" "$out/docs/performance.md" \
    "$out/docs/troubleshooting.md"
}

for step in "${steps[@]}"; do
  declare -F "step_$step" >/dev/null || die "unknown step $step; see $0"
done
log "load before: $(cut -d' ' -f1 /proc/loadavg); nothing else should keep the computer busy"
for step in "${steps[@]}"; do
  log "$(date +%T) $step"
  "step_$step"
done
log "$(date +%T) done: $results"
