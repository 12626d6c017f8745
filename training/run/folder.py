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

"""The folder of a training run: the names of its files, its JSON-lines records, its lock."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
from typing import Any

from filelock import FileLock, Timeout
from swiftnet_ros.system.files import write_atomic

LOCK = '.lock'


@dataclass(frozen=True)
class RunPaths:
    """The paths of one training run's files, all below `folder`."""

    folder: Path

    @property
    def config(self) -> Path:
        """The complete configuration as it was used, YAML."""
        return self.folder / 'config.yaml'

    @property
    def class_counts(self) -> Path:
        """The pixels of each class in the training labels and the class weights, JSON."""
        return self.folder / 'class_counts.json'

    @property
    def losses(self) -> Path:
        """One JSON line for every step."""
        return self.folder / 'losses.jsonl'

    @property
    def metrics(self) -> Path:
        """One JSON line for every evaluation, with the IoU of each class."""
        return self.folder / 'metrics.jsonl'

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.folder / 'tensorboard'

    @property
    def last(self) -> Path:
        """The newest checkpoint that training resumes from."""
        return self.folder / 'last.pt'

    def weights_at(self, step: int) -> Path:
        """Return the path of the weights after an iteration, not averaged."""
        return self.folder / f'step_{step:06d}.pt'

    @property
    def trained(self) -> Path:
        """The finished network: the weights' EMA at the end of the schedule."""
        return self.folder / 'trained.pt'

    @property
    def initial_weights(self) -> Path:
        """The checkpoint that a variant of an experiment started from."""
        return self.folder / 'start.pt'

    @property
    def variant(self) -> Path:
        """The options of a variant of an experiment, JSON."""
        return self.folder / 'arm.json'

    @property
    def history(self) -> Path:
        """The channels removed since the dense run, JSON."""
        return self.folder / 'history.json'

    @property
    def masks(self) -> Path:
        """The masks of unstructured pruning, JSON."""
        return self.folder / 'masks.json'

    @property
    def result(self) -> Path:
        """The metrics of a finished run, JSON."""
        return self.folder / 'result.json'

    @property
    def latency(self) -> Path:
        """The latencies measured by `python -m training bench`, JSON."""
        return self.folder / 'latency.json'

    @property
    def quantized(self) -> Path:
        """The output of `python -m training quantize --json`, JSON."""
        return self.folder / 'quantize.json'

    def pruning_round(self, number: int) -> 'RunPaths':
        """Return the paths of an earlier round of pruning and training, from 1."""
        return RunPaths(self.folder / f'round_{number}')


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Append a record as one JSON line."""
    with path.open('a') as file:
        file.write(json.dumps(record) + '\n')


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return all complete records, none if there is no file."""
    if not path.exists():
        return []
    # A line without its end was cut off when the process was killed.
    *complete, _ = path.read_text().split('\n')
    return [json.loads(line) for line in complete]


def drop_records(path: Path, key: str, last: int) -> None:
    """Drop the records after `last`, which a resumed run will write again."""
    kept = [record for record in read_records(path) if record[key] <= last]
    if path.exists():
        write_atomic(path, ''.join(json.dumps(record) + '\n' for record in kept))


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """
    Hold the lock of a run folder, which is created, and removed again if it stays empty.

    The lock ends with the process. Processes started by torchrun share their run and lock
    nothing; neither does a file system without locks.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) > 1:
        yield
        return
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f'{folder}: another process trains it; waiting until it ends', file=sys.stderr)
        lock.acquire()
    except NotImplementedError:
        pass
    try:
        yield
    finally:
        if is_new and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            # A waiting process may have created its own lock file.
            with suppress(OSError):
                folder.rmdir()
        lock.release()
