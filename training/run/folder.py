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
import os
from pathlib import Path
import sys
from typing import Any

from filelock import FileLock, Timeout
from swiftnet_ros.errors import InvalidTextError
from swiftnet_ros.system.file_reader import read_content
from swiftnet_ros.system.files import append, write_atomic
from swiftnet_ros.system.json_reader import check_kinds, parse_json
from swiftnet_ros.system.json_text import to_json

LOCK = '.lock'
_QUIET_S = 1.0
# Bytes of a file of records: millions of steps.
_MAX_RECORDS = 1 << 28


class RunPaths:
    """The paths of one training run's files, all below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The complete configuration as it was used.
        self.config = folder / 'config.yaml'
        # The SHA-256 of the file of weights that the encoder started from.
        self.pretrained = folder / 'pretrained.json'
        # The class table, files and initial weights that the run was started with.
        self.origin = folder / 'origin.json'
        # The pixels of each class in the training labels, and the class weights.
        self.class_counts = folder / 'class_counts.json'
        # One line for every step, and for every evaluation with the IoU of each class.
        self.losses = folder / 'losses.jsonl'
        self.metrics = folder / 'metrics.jsonl'
        self.tensorboard = folder / 'tensorboard'
        # The newest checkpoint, from which training resumes, and the finished network's: the EMA.
        self.last = folder / 'last.pt'
        self.trained = folder / 'trained.pt'
        # The options of a variant of an experiment and the checkpoint that it starts from.
        self.variant = folder / 'arm.json'
        self.initial_weights = folder / 'start.pt'
        # What was pruned since the dense run: channels, or single weights.
        self.history = folder / 'history.json'
        self.masks = folder / 'masks.json'
        # The metrics of the finished run, and the JSON output of the commands bench and quantize.
        self.result = folder / 'result.json'
        self.latency = folder / 'latency.json'
        self.quantized = folder / 'quantize.json'

    def weights_at(self, step: int) -> Path:
        """Return the path of the weights after an iteration, not averaged."""
        return self.folder / f'step_{step:06d}.pt'

    def pruning_round(self, number: int) -> 'RunPaths':
        """Return the paths of an earlier round of pruning and training, from 1."""
        return RunPaths(self.folder / f'round_{number}')


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Append a record as one JSON line, in full or not at all."""
    append(path, to_json(record) + '\n')


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return all complete records, none if there is no file."""
    if not path.exists():
        return []
    # A line without its end was cut off when the process was killed.
    *complete, _ = read_content(path, 'records', _MAX_RECORDS).split(b'\n')
    records = [parse_json(line, f'{path}, line {i + 1}') for i, line in enumerate(complete)]
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise InvalidTextError(f'{path}, line {number}', repr(record), 'a JSON object')
    return records


def drop_records(path: Path, key: str, last: int) -> None:
    """Drop the records after `last`, which a resumed run will write again."""
    records = read_records(path)
    for number, record in enumerate(records, 1):
        check_kinds(record, {key: int}, f'{path}, line {number}')
    kept = [record for record in records if record[key] <= last]
    content = ''.join(to_json(record) + '\n' for record in kept)
    if path.exists() and path.read_bytes() != content.encode():
        write_atomic(path, content)


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """
    Hold the lock of a run folder, created if missing and removed again if it stays empty.

    The lock is released when the process ends. There is none on a file system without locks. Of
    several processes that torchrun started, the first one holds it for all.
    """
    if os.environ.get('RANK', '0') != '0':
        yield
        return
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        # A process that is about to end is no news.
        lock.acquire(timeout=_QUIET_S)
    except Timeout:
        print(
            f'{folder}: another process is training it; waiting until that ends', file=sys.stderr
        )
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
