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
#   REAL=DATA CAMVID=DATA/camvid scripts/train_model.sh street
#
# DATA has the data sets and weights that the model card lists (docs/training.md). Each stage has a
# folder in runs/; scripts/export_model.sh makes the model's files of the last one. On two CPU
# cores indoor takes about nine hours and street three, both estimates. PYTHON is a Python with all
# packages.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# train CONFIG RUN [ARGUMENT...]
train() {
  local config=$1 run=runs/$2
  shift 2
  [ -f "$run/trained.pt" ] ||
    "$PYTHON" -m training train "training/configs/$config.yaml" --out "$run" "$@" >&2
}

# prune RUN RATIO: write RUN/pruned.pt, without this fraction of the decoder's channels.
prune() {
  [ -f "runs/$1/pruned.pt" ] ||
    "$PYTHON" -m training prune "runs/$1/trained.pt" --ratios "{decoder: $2}" \
      -o "runs/$1/pruned.pt" >&2
}

# label RUN FOLDER MAP: label LOCO's photos of warehouses by a network.
label() {
  "$PYTHON" -m training pseudo_label "runs/$1/trained.pt" --map "$3" \
    --images "$REAL/loco/train/images" --boxes "$REAL/loco/train/boxes" \
    --threshold 0.8 --scales 1 -o "runs/$2" >&2
}

train_indoor() {
  # A single scale, whose encoder the pyramid takes.
  train indoor/people indoor_people
  label indoor_people loco loco
  train indoor/loco indoor_loco --init runs/indoor_people/trained.pt
  prune indoor_loco 0.375
  train indoor/pruned indoor_single_pruned --init runs/indoor_loco/pruned.pt
  train indoor/last indoor_last --init runs/indoor_single_pruned/trained.pt
  train indoor/last indoor_more --set train.epochs=20 --init runs/indoor_last/trained.pt
  # Photos of all kinds of floors twice as often, the two buildings, which it knows, half as often.
  train indoor/last indoor_single --set train.epochs=14 --init runs/indoor_more/trained.pt \
    --set data.sources.0.weight=0.32 --set data.sources.1.weight=0.33 \
    --set data.sources.2.weight=0.06 --set data.sources.3.weight=0.05 \
    --set data.sources.4.weight=0.13 --set data.sources.5.weight=0.11

  label indoor_single loco_single loco
  train indoor/pyramid indoor_pyramid
  prune indoor_pyramid 0.4375
  local after=(--set optimizer.lr=6.0e-4 --set train.frozen_stages=2)
  train indoor/pyramid indoor_pruned --init runs/indoor_pyramid/pruned.pt "${after[@]}" \
    --set train.epochs=6
  # What the network would be without pruning; it is not shipped.
  train indoor/pyramid indoor_dense --init runs/indoor_pyramid/trained.pt "${after[@]}" \
    --set train.epochs=6
  train indoor/pyramid indoor_longer --init runs/indoor_pruned/trained.pt "${after[@]}" \
    --set train.epochs=11
  # The single scale labels polished aisles as furniture, which the pyramid learned from it.
  label indoor_single loco_floors loco_without_furniture
  after+=(--set data.sources.4.root=runs/loco_floors)
  train indoor/pyramid indoor_floors --init runs/indoor_longer/trained.pt "${after[@]}" \
    --set train.epochs=3
  train indoor/pyramid indoor_scenes --init runs/indoor_floors/trained.pt "${after[@]}" \
    --set train.epochs=3 --set data.sources.5.weight=0.22
  after+=(--set data.sources.0.weight=0.37 --set data.sources.1.weight=0.27
    --set data.sources.5.weight=0.17)
  train indoor/pyramid indoor_rooms --init runs/indoor_scenes/trained.pt "${after[@]}" \
    --set train.epochs=18 --set train.seed=1
  train indoor/pyramid indoor_rooms_again --init runs/indoor_rooms/trained.pt "${after[@]}" \
    --set train.epochs=13 --set train.seed=2
  [ -f runs/indoor/trained.pt ] ||
    "$PYTHON" -m training average runs/indoor_{rooms,rooms_again}/trained.pt \
      -o runs/indoor/trained.pt >&2
}

train_street() {
  # One drive left out, from which the recipe was chosen.
  train street/people street_0001TP --set train.epochs=12 \
    --set 'data.sources.0.options.without=[0001TP_*]' --set data.val_sources.0.split=train \
    --set 'data.val_sources.0.options.only=[0001TP_*]'
  train street/people street_people
  prune street_people 0.375
  # Without the validation images, to measure the recipe, pruned and not.
  train street/last street_pruned --init runs/street_people/pruned.pt
  train street/last street_dense --init runs/street_people/trained.pt
  train street/last street_last --set train.epochs=24 --init runs/street_pruned/trained.pt
  # With them, to ship.
  train street/final street_final --init runs/street_people/pruned.pt
  train street/final street --set train.epochs=24 --init runs/street_final/trained.pt
}

model=${1:-}
check_model "$model"
# Keep the memory of freed tensors: a step takes a fifth less time.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=34359738368
cd "$ROOT"
[ -n "${PYTHON:-}" ] || prepare test cpu,training,test
"train_$model"
