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

"""The worker thread opens, processes and closes, and can always be ended."""

from concurrent.futures import wait
from threading import Event, get_ident

import pytest
from swiftnet_ros.errors import EngineUnavailableError
from swiftnet_ros.serving.worker import EngineWorker


class FakeModel:
    """Records which thread closed it."""

    def __init__(self):
        self.closed_by = None

    def close(self):
        self.closed_by = get_ident()


class Work:
    """The functions of a worker, which wait for their gates and record their calls."""

    def __init__(self):
        self.may_load, self.may_process = Event(), Event()
        self.has_two = Event()
        self.may_load.set()
        self.may_process.set()
        self.model, self.loaded_by, self.processed, self.bugs = FakeModel(), None, [], []

    def load(self):
        assert self.may_load.wait(10)
        self.loaded_by = get_ident()
        return self.model

    def process(self, camera, frame, model):
        assert self.may_process.wait(10) and model is self.model
        self.processed.append((camera, frame, get_ident()))
        if len(self.processed) == 2:
            self.has_two.set()


def done(future):
    """Return whether a future is done within 10 seconds."""
    return not wait([future], 10).not_done


def test_one_thread_opens_processes_and_closes():
    work = Work()
    worker = EngineWorker(work.load, ['a', 'b'], work.process)
    assert done(worker.loading)
    worker.put('a', 1)
    worker.put('b', 2)
    worker.serve(work.bugs.append)
    assert work.has_two.wait(10)
    assert done(worker.close()) and worker.close() is worker.close()
    threads = {work.loaded_by, work.model.closed_by, *(thread for _, _, thread in work.processed)}
    assert len(threads) == 1 and get_ident() not in threads
    assert [(camera, frame) for camera, frame, _ in work.processed] == [('a', 1), ('b', 2)]
    assert work.bugs == []


def test_waiting_frames_can_be_drained():
    work = Work()
    worker = EngineWorker(work.load, ['a', 'b'], work.process)
    assert [worker.put('a', 1), worker.put('a', 2), worker.put('b', 3)] == [False, True, False]
    assert worker.drain() == [('a', 2), ('b', 3)] and worker.drain() == []
    assert done(worker.close())


def test_worker_can_be_closed_while_it_loads():
    """The model is closed as soon as it is loaded."""
    work = Work()
    work.may_load.clear()
    worker = EngineWorker(work.load, ['a'], work.process)
    closing = worker.close()
    assert not closing.done()
    work.may_load.set()
    assert done(closing) and work.model.closed_by == work.loaded_by


def test_failed_load_has_its_error_and_can_be_closed():
    def load():
        raise EngineUnavailableError('e', 'no')

    worker = EngineWorker(load, ['a'], lambda *given: None)
    with pytest.raises(EngineUnavailableError, match='no'):
        worker.loading.result(10)
    assert done(worker.close()) and worker.close().exception() is None


def test_bug_in_processing_is_reported_and_the_model_closed():
    work = Work()
    worker = EngineWorker(work.load, ['a'], lambda *given: 1 / 0)
    told = Event()
    worker.serve(lambda error: (work.bugs.append(error), told.set()))
    worker.put('a', 1)
    assert told.wait(10) and isinstance(work.bugs[0], ZeroDivisionError)
    assert done(worker.close()) and work.model.closed_by is not None
