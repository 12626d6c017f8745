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

"""The segmentation node in another process."""

from contextlib import ExitStack, suppress
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import List, Mapping, Sequence, Union

from swiftnet_ros.errors import NodeNotRespondingError
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.system.process import signals_raise_exit

_STOP_SECONDS = 5.0

ParameterValues = Mapping[str, Union[str, bool, int, float, List[str]]]
"""Parameters of a node by name."""


_NODE = ('-m', 'swiftnet_ros.segmentation_node')


class NodeProcess:
    """A running segmentation node called `segmentation`; a context manager that stops it."""

    def __init__(
        self, namespace: str, parameters: ParameterValues, program: Sequence[str] = _NODE
    ) -> None:
        """Start the node in a namespace; `program` are the arguments of Python that run it."""
        command = [sys.executable, *program, '--ros-args']
        command += ['-r', f'__ns:={namespace}', '-r', '__node:=segmentation']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={to_json(value)}']
        # The node only logs; standard output is for the report of this program.
        self._process = subprocess.Popen(command, stdout=sys.stderr)
        self._stack = ExitStack()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    @property
    def memory_mb(self) -> float:
        """Return the resident memory of the process in 1e6 bytes, 0 after its end."""
        try:
            pages = int(Path(f'/proc/{self.pid}/statm').read_text().split()[1])
        except (OSError, IndexError):
            return 0.0
        return pages * os.sysconf('SC_PAGE_SIZE') / 1e6

    @property
    def peak_memory_mb(self) -> float:
        """Return the largest resident memory of the process in 1e6 bytes."""
        status = Path(f'/proc/{self._process.pid}/status').read_text()
        kilobytes = next(line for line in status.splitlines() if line.startswith('VmHWM'))
        return int(kilobytes.split()[1]) * 1024 / 1e6

    @property
    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used, by its code and for it in the kernel."""
        user, system = self._stat()[11:13]
        return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')

    @property
    def page_faults(self) -> int:
        """Return how many pages of memory the kernel has provided without reading a file."""
        return int(self._stat()[7])

    def _stat(self) -> List[str]:
        """Return the fields of proc(5)'s stat from the third on."""
        stat = Path(f'/proc/{self._process.pid}/stat').read_text()
        # The name of the process, which ends with the last parenthesis, may contain spaces.
        return stat.rpartition(')')[2].split()

    def check(self) -> None:
        """Raise NodeNotRespondingError if the process has ended."""
        code = self._process.poll()
        if code is not None:
            raise NodeNotRespondingError('segmentation node', f'it ended with exit code {code}')

    def stop(self) -> None:
        """Interrupt the process, and kill it if it does not end."""
        self._process.send_signal(signal.SIGINT)
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        finally:
            # Also if another signal ends the wait; without effect if the process has ended.
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> 'NodeProcess':
        """Return this object; in the block, SIGINT and SIGTERM to this program stop the node."""
        self._stack.enter_context(signals_raise_exit())
        self._stack.callback(self.stop)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the process."""
        self._stack.close()
