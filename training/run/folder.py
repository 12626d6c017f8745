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

"""Every file name of a run folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
from typing import Any

from filelock import FileLock, Timeout

LOCK = '.lock'


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """
    Hold a run folder, which is made if it is not there and removed again if it stays empty.

    The lock goes with the process, however that ends. The processes that torchrun starts share
    their run and hold nothing, nor does anybody on a file system without locks.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) > 1:
        yield
        return
    begins = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f'{folder}: another process trains it; waiting for its end', file=sys.stderr)
        lock.acquire()
    except NotImplementedError:
        pass
    try:
        yield
    finally:
        if begins and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            # a process that waits may have made its own
            with suppress(OSError):
                folder.rmdir()
        lock.release()


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add one JSON line."""
    with path.open('a') as file:
        file.write(json.dumps(record) + '\n')


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read all lines, none where there is no file; one that a kill cut short does not count."""
    if not path.exists():
        return []
    *whole, _ = path.read_text().split('\n')
    return [json.loads(line) for line in whole]


def drop_records(path: Path, key: str, last: int) -> None:
    """Drop the records behind `last`: an interrupted run wrote them and will write them again."""
    kept = [record for record in read_records(path) if record[key] <= last]
    if path.exists():
        path.write_text(''.join(json.dumps(record) + '\n' for record in kept))


@dataclass(frozen=True)
class RunPaths:
    """The files of one training run, all below `folder`."""

    folder: Path

    @property
    def config(self) -> Path:
        """Name the file of the whole configuration as it was used, YAML."""
        return self.folder / 'config.yaml'

    @property
    def last(self) -> Path:
        """Name the file of the newest resumable state."""
        return self.folder / 'last.pt'

    @property
    def trained(self) -> Path:
        """Name the file of the finished network: the last EMA of the schedule."""
        return self.folder / 'trained.pt'

    def weights_at(self, step: int) -> Path:
        """Name the file of the weights as they were after so many iterations, not averaged."""
        return self.folder / f'step_{step:06d}.pt'

    @property
    def initial_weights(self) -> Path:
        """Name the file of the weights that an arm of a family began with."""
        return self.folder / 'start.pt'

    @property
    def variant(self) -> Path:
        """Name the file of what an arm was asked to do, JSON."""
        return self.folder / 'arm.json'

    @property
    def history(self) -> Path:
        """Name the file of the channels that were removed since the dense run, JSON."""
        return self.folder / 'history.json'

    @property
    def masks(self) -> Path:
        """Name the file of the masks of single weights, JSON."""
        return self.folder / 'masks.json'

    @property
    def result(self) -> Path:
        """Name the file of what a finished run measured, JSON."""
        return self.folder / 'result.json'

    @property
    def latency(self) -> Path:
        """Name the file of the times that `python -m training bench` measured, JSON."""
        return self.folder / 'latency.json'

    @property
    def quantized(self) -> Path:
        """Name the file of what `python -m training quantize --json` printed, JSON."""
        return self.folder / 'quantize.json'

    def pruning_round(self, number: int) -> 'RunPaths':
        """Give the files of an earlier round of pruning and training, from 1."""
        return RunPaths(self.folder / f'round_{number}')

    @property
    def class_counts(self) -> Path:
        """Name the file of the classes' pixels in the training labels and their weights, JSON."""
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
        """Name the folder that TensorBoard reads."""
        return self.folder / 'tensorboard'
