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

# Write docs/images/demo.jpg, the image of the README: a screenshot of the demo's page by Chromium.
# Its figures are those of docs/results/demo.json, so write both on an idle machine:
#
#   scripts/demo.sh --seconds 20 >docs/results/demo.json && scripts/demo_screenshot.sh
#   scripts/demo_screenshot.sh IMAGE.jpg [WIDTHxHEIGHT]

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=${1:-$ROOT/docs/images/demo.jpg} size=${2:-1280x800}
page=$ROOT/demo_out/index.html
[ -f "$page" ] || die "$page is missing; run scripts/demo.sh first"
for browser in chromium chromium-browser google-chrome; do
  command -v "$browser" >/dev/null && break
  browser=
done
[ -n "$browser" ] || die 'install Chromium, with its fonts: apt-get install chromium fonts-dejavu'
prepare demo cpu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
options=(--headless --hide-scrollbars "--window-size=${size/x/,}" "--user-data-dir=$folder/profile")
# Chromium does not start its sandbox for root.
[ "$(id -u)" != 0 ] || options+=(--no-sandbox)
"$browser" "${options[@]}" --screenshot="$folder/page.png" "file://$page" 2>"$folder/log" ||
  die "$browser failed: $(tail -1 "$folder/log")"
"$PYTHON" - "$folder/page.png" "$image" <<'PYTHON'
from pathlib import Path
import sys

import cv2
from swiftnet_ros.system.image_encoding import write_image

source, target = map(Path, sys.argv[1:])
write_image(target, cv2.imread(str(source)), (cv2.IMWRITE_JPEG_QUALITY, 85))
PYTHON
log "wrote $image"
