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

# Build the documentation site from docs/ and the docstrings: site/index.html, which a browser opens
# without a server (only its search needs one: serve). Sets up an environment. A warning is an error: a link or an anchor that does not
# exist, a page that is not in the navigation, a name of the API page that the code does not have.
#
#   scripts/docs.sh [arguments of mkdocs build]
#   scripts/docs.sh serve        show it on http://127.0.0.1:8000, and build it again at each change

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python=$(find_python) || exit 1
folder=$ROOT/.venv/docs-$(version_of "$python")
venv_with "$python" "$folder" docs
cd "$ROOT"
# Material for MkDocs announces its successor in ten lines at each build.
export NO_MKDOCS_2_WARNING=1
command=build
if [ "${1:-}" = serve ]; then
  command=serve
  shift
fi
exec "$folder/bin/python" -m mkdocs "$command" --strict "$@"
