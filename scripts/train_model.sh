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

# Train a shipped model: the stages of its recipe, one after the other. Started again after an
# interruption, it continues where it was; finished stages are kept.
#
#   REAL=DATA scripts/train_model.sh indoor
#
# DATA has the data sets and weights that the model card lists (docs/training.md). Each stage has a
# folder in runs/; scripts/export_model.sh makes the model's files of the last one. On a CPU core
# with AMX, indoor takes about seven hours. PYTHON is a Python with all packages.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# train CONFIG RUN [ARGUMENT...]
train() {
  local config=$1 run=runs/$2
  shift 2
  [ -f "$run/trained.pt" ] ||
    "$PYTHON" -m training train "training/configs/$config.yaml" --out "$run" "$@" >&2
}

train_indoor() {
  train indoor/people indoor_people
  "$PYTHON" -m training pseudo_label runs/indoor_people/trained.pt --map loco \
    --images "$REAL/loco/train/images" --boxes "$REAL/loco/train/boxes" \
    --threshold 0.8 --scales 1 -o runs/loco >&2
  train indoor/loco indoor_loco --init runs/indoor_people/trained.pt
  [ -f runs/indoor_loco/pruned.pt ] ||
    "$PYTHON" -m training prune runs/indoor_loco/trained.pt --ratios '{decoder: 0.375}' \
      -o runs/indoor_loco/pruned.pt >&2
  train indoor/pruned indoor_pruned --init runs/indoor_loco/pruned.pt
  train indoor/last indoor_last --init runs/indoor_pruned/trained.pt
  # What the network would be without pruning; it is not shipped.
  train indoor/last indoor_dense --init runs/indoor_loco/trained.pt
  train indoor/last indoor --set train.epochs=20 --init runs/indoor_last/trained.pt
}

model=${1:-}
[ "$model" = indoor ] || die "the model is '$model', expected: indoor"
[ -n "${REAL:-}" ] || die 'set REAL to the folder of the data sets and weights that the model card lists'
export REAL
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
cd "$ROOT"
[ -n "${PYTHON:-}" ] || prepare test cpu,training,test
"train_$model"
