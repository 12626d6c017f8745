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

# Make the files of a shipped model of its last run (scripts/train_model.sh), measure them and write
# figures, label images and card: models/, docs/results/ and docs/images/.
#
#   REAL=DATA scripts/export_model.sh indoor
#   REAL=DATA CAMVID=DATA/camvid scripts/export_model.sh street
#
# Each takes a quarter of an hour on two CPUs. Times are in other files: scripts/bench.sh shipped.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# json FILE COMMAND [ARGUMENT...]: store the last line of what `training COMMAND` prints.
json() {
  local file=$results/$1 text
  shift
  mkdir -p "$(dirname "$file")"
  text=$("$PYTHON" -m training "$@" --json)
  tail -n 1 <<<"$text" >"$file"
}

export_indoor() {
  local precision shape stage terms
  # The floors of training images are alike at 448x320, 512x384 and 576x416; this one takes as long
  # as the single scale at 576x416 in FP32.
  local size=512x384
  local rooms=(--dataset folder --root "$REAL/nyuv2" --match-names)
  local floors=(--dataset folder --root "$REAL/room_floor" --split val --exclude other=floor)
  local scenes=(--dataset folder --root demo --split .)
  terms='trained, among others, on NYU Depth V2 (Silberman et al., ECCV 2012), which states no license; no commercial use. Also on tqb-data-500 and dhcn_dataset (Roboflow Universe, CC BY 4.0), room-lyc7i (MIT), LOCO (Mayershofer et al. 2020, CC BY 4.0) and ImageNet weights (Apache-2.0)'

  json count.json count runs/indoor/trained.pt --size $size
  json dense/count.json count runs/indoor_dense/trained.pt --size $size
  for stage in people loco single_pruned last more single pyramid pruned longer floors scenes rooms rooms_again dense; do
    mkdir -p "$results/$stage"
    cp "runs/indoor_$stage/config.yaml" "$results/$stage/"
  done

  json export.json export runs/indoor/trained.pt -o models/indoor.fp32.onnx --size $size \
    --calibrate-confidence "${rooms[@]}" --split val --license CC-BY-NC-4.0 --terms "$terms"
  json quantize.json quantize models/indoor.fp32.onnx -o models/indoor.int8.onnx --count 128 \
    --measure val --keep-float "encoder.stem.conv,$float_layers" "${rooms[@]}" --split train
  # To compare: without layers in float.
  json all_layers/quantize.json quantize models/indoor.fp32.onnx -o "$work/indoor.int8.onnx" \
    --count 128 --measure val "${rooms[@]}" --split train
  "$PYTHON" -m training calibration models/indoor.fp32.onnx "${rooms[@]}" --split train >&2
  json fp16_checkpoint.json fp16 runs/indoor/trained.pt -o models/indoor.pt "${rooms[@]}" --split val

  # `pruned` and `dense` are after the same number of epochs; `single` is the single scale; of
  # `rooms` and `rooms_again` the weights are averaged.
  for stage in single pruned dense rooms rooms_again; do
    shape=$size
    [ $stage != single ] || shape=576x416
    "$PYTHON" -m training export runs/indoor_$stage/trained.pt -o "$work/$stage.fp32.onnx" --size $shape >&2
    json $stage/evaluate_fp32.json evaluate "$work/$stage.fp32.onnx" "${rooms[@]}" --split val \
      --precision fp32
    json room_floor/${stage}_fp32.json evaluate "$work/$stage.fp32.onnx" "${floors[@]}" \
      --precision fp32
  done
  for precision in fp32 bf16 int8; do
    json evaluate_$precision.json evaluate models/indoor.onnx "${rooms[@]}" --split val \
      --precision $precision
    json room_floor/evaluate_$precision.json evaluate models/indoor.onnx "${floors[@]}" \
      --precision $precision
    json rendered/evaluate_$precision.json evaluate models/indoor.onnx "${scenes[@]}" \
      --precision $precision
  done
  # As on a CPU without VNNI.
  ONEDNN_MAX_CPU_ISA=AVX2 SWIFTNET_ROS_OPENVINO_CACHE=off json avx2/evaluate_int8.json evaluate \
    models/indoor.onnx "${rooms[@]}" --split val --precision int8
  json ../faults/indoor/all.json evaluate models/indoor.onnx "${rooms[@]}" --split val \
    --precision int8 --fault all
  "$PYTHON" -m training visualize indoor "${rooms[@]}" --split val --indices 4 34 64 94 124 \
    --show truth labels --across -o docs/images/indoor_labels.png >&2
  "$PYTHON" -m training visualize indoor "${scenes[@]}" --indices 2 10 18 --show image labels overlay \
    -o docs/images/indoor_scenes.jpg >&2
  "$PYTHON" -m training card models/indoor "$results/card.yaml" -o models/indoor.md >&2
}

# The files of street are of a run that saw CamVid's validation images too, the figures on them of
# one of the same recipe that did not, whose temperature the files have.
export_street() {
  local precision stage temperature terms twin=$work/street.fp32.onnx
  local camvid=(--dataset camvid --root "$CAMVID") campus=(--dataset folder --root "$REAL/lums")
  # Three data sets in one folder, which calibrate INT8.
  local streets=(--dataset folder --root "$work/streets")
  mkdir "$work/streets"
  cp -rsf "$(realpath "$REAL")"/{lums,ade_street}/. "$work/streets"
  cp -rs "$(realpath "$CAMVID")/train" "$work/streets"
  rm "$work/streets/classes.yaml"
  { cat "$REAL/lums/classes.yaml"; echo 'ignored_source_ids: [11]'; } >"$work/streets/classes.yaml"
  terms='trained, among others, on CamVid (Brostow et al.), for personal and research use, and on ADE20K, for research; no commercial use. Also on the LUMS Road Dataset (Roboflow Universe, CC BY 4.0) and ImageNet weights (Apache-2.0)'

  for stage in people pruned dense last final; do
    mkdir -p "$results/$stage"
    cp "runs/street_$stage/config.yaml" "$results/$stage/"
  done
  cp runs/street/config.yaml "$results/"
  json count.json count runs/street/trained.pt --size 640x480
  json dense/count.json count runs/street_dense/trained.pt --size 640x480
  json drive/evaluate_fp32.json evaluate runs/street_0001TP/trained.pt "${camvid[@]}" --split train \
    --option 'only=[0001TP_*]'

  json export.json export runs/street_last/trained.pt -o "$twin" --calibrate-confidence \
    "${camvid[@]}" --split val
  json quantize.json quantize "$twin" -o "$work/street.int8.onnx" --count 128 \
    --keep-float "$float_layers" "${streets[@]}"
  # To compare: without layers in float.
  "$PYTHON" -m training quantize "$twin" -o "$work/all.int8.onnx" --count 128 "${streets[@]}" >&2
  json all_layers/evaluate_int8.json evaluate "$work/all.int8.onnx" "${camvid[@]}" --split val
  # Both after the same number of epochs of the last stage.
  for stage in pruned dense; do
    json $stage/evaluate_fp32.json evaluate runs/street_$stage/trained.pt "${camvid[@]}" --split val
  done
  for precision in fp32 bf16 int8; do
    json evaluate_$precision.json evaluate "$work/street.onnx" "${camvid[@]}" --split val \
      --precision $precision
  done
  # As on a CPU without VNNI.
  ONEDNN_MAX_CPU_ISA=AVX2 SWIFTNET_ROS_OPENVINO_CACHE=off json avx2/evaluate_int8.json evaluate \
    "$work/street.onnx" "${camvid[@]}" --split val --precision int8
  json ../faults/street/all.json evaluate "$work/street.onnx" "${camvid[@]}" --split val \
    --precision int8 --fault all

  temperature=$("$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["confidence"]["temperature"])' \
    <"$results/export.json")
  "$PYTHON" -m training export runs/street/trained.pt -o models/street.fp32.onnx \
    --temperature "$temperature" "${campus[@]}" --split val --license CC-BY-NC-4.0 --terms "$terms" >&2
  "$PYTHON" -m training quantize models/street.fp32.onnx -o models/street.int8.onnx --count 128 \
    --measure val --keep-float "$float_layers" "${streets[@]}" >&2
  "$PYTHON" -m training calibration models/street.fp32.onnx "${streets[@]}" >&2
  json fp16_checkpoint.json fp16 runs/street/trained.pt -o models/street.pt "${campus[@]}" --split val
  for precision in fp32 bf16 int8; do
    json campus/evaluate_$precision.json evaluate models/street.onnx "${campus[@]}" --split val \
      --precision $precision
  done
  "$PYTHON" -m training visualize "$work/street.fp32.onnx" "${camvid[@]}" --split val \
    --indices 5 45 85 --show truth labels --across -o docs/images/street_labels.png >&2
  "$PYTHON" -m training card models/street "$results/card.yaml" -o models/street.md >&2
}

# The first two blocks of MobileNetV2, whose channels differ most in scale.
float_layers=encoder.stages.0.0.conv.0.conv,encoder.stages.0.0.conv.1.conv
float_layers+=,encoder.stages.0.1.conv.0.conv,encoder.stages.0.1.conv.1.conv,encoder.stages.0.1.conv.2.conv

model=${1:-}
check_model "$model"
cd "$ROOT"
[ -n "${PYTHON:-}" ] || prepare test cpu,training,test
results=docs/results/$model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"export_$model"
