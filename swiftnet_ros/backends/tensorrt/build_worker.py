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

"""
The child process of a node that builds an engine; it never outlives its parent.

An engine that the cache cannot keep is left in a folder of the parent, with the reason.
"""

import ctypes
from dataclasses import asdict
import json
import os
from pathlib import Path
import signal
import sys
from typing import Any, Dict, List, Optional

from swiftnet_ros.backends.tensorrt.engine_file import read_sidecar, store
from swiftnet_ros.build_engine import build_in_memory, BuildRequest, find_or_build, Progress
from swiftnet_ros.errors import EngineCacheError
from swiftnet_ros.system.process import exit_code

_PR_SET_PDEATHSIG = 1
_PATHS = ('model', 'calibration', 'output', 'cache', 'timing_cache')


def main(argv: Optional[List[str]] = None) -> int:
    """Build for the parent: its process number, its folder, the request as JSON; give a code."""
    parent, folder, words = sys.argv[1:] if argv is None else argv
    _die_with(int(parent))
    return exit_code(lambda: _run(_request(words), Path(folder)))


def _run(request: BuildRequest, folder: Path) -> int:
    print(json.dumps(_build(request, folder)), flush=True)
    return 0


def _build(request: BuildRequest, folder: Path) -> Dict[str, Any]:
    warning = ''
    try:
        path = find_or_build(request, _tell)
    except EngineCacheError as error:
        warning = f'{error}; this engine is lost at the end and built again at the next start'
        path = folder / 'unkept.engine'
        store(path, *build_in_memory(request, _tell))
    seconds = read_sidecar(path).build_seconds
    return {'engine': str(path), 'build_seconds': seconds, 'warning': warning}


def _request(words: str) -> BuildRequest:
    fields: Dict[str, Any] = json.loads(words)
    given = {name: Path(fields[name]) for name in _PATHS if fields[name] is not None}
    return BuildRequest(**{**fields, **given})


def _tell(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)


def _die_with(parent: int) -> None:
    """End with the thread that started this process, whatever ends that: only Linux can."""
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == '__main__':
    sys.exit(main())
