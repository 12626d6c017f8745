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

"""The thread of an engine: it opens, answers and closes, and can always be told to end."""

from concurrent.futures import wait
from threading import Event, get_ident
from types import SimpleNamespace

import pytest
from swiftnet_ros.errors import EngineUnavailableError
from swiftnet_ros.serving.worker import EngineWorker


class FakeEngine:
    """Notes which threads it was used by."""

    def __init__(self):
        self.closed_by = None

    def close(self):
        self.closed_by = get_ident()


class Work:
    """What a worker is given: loads when it may, answers when it may, and notes everything."""

    def __init__(self):
        self.may_load, self.may_answer = Event(), Event()
        self.has_two = Event()
        self.may_load.set()
        self.may_answer.set()
        self.engine, self.loaded_by, self.answered, self.bugs = FakeEngine(), None, [], []

    def load(self):
        assert self.may_load.wait(10)
        self.loaded_by = get_ident()
        return SimpleNamespace(engine=self.engine)

    def answer(self, camera, frame, model):
        assert self.may_answer.wait(10) and model.engine is self.engine
        self.answered.append((camera, frame, get_ident()))
        if len(self.answered) == 2:
            self.has_two.set()


def done(future):
    """Wait for a future; tell whether it came in time."""
    return not wait([future], 10).not_done


def test_one_thread_opens_answers_and_closes():
    work = Work()
    worker = EngineWorker(work.load, ['a', 'b'], work.answer)
    assert done(worker.loading)
    worker.put('a', 1)
    worker.put('b', 2)
    worker.serve(work.bugs.append)
    assert work.has_two.wait(10)
    assert done(worker.close()) and worker.close() is worker.close()
    threads = {work.loaded_by, work.engine.closed_by, *(thread for _, _, thread in work.answered)}
    assert len(threads) == 1 and get_ident() not in threads
    assert [(camera, frame) for camera, frame, _ in work.answered] == [('a', 1), ('b', 2)]
    assert work.bugs == []


def test_frames_that_wait_can_be_taken_out():
    work = Work()
    worker = EngineWorker(work.load, ['a', 'b'], work.answer)
    assert [worker.put('a', 1), worker.put('a', 2), worker.put('b', 3)] == [False, True, False]
    assert worker.drain() == [('a', 2), ('b', 3)] and worker.drain() == []
    assert done(worker.close())


def test_it_can_be_closed_while_it_loads():
    """Nobody has to wait: the engine is closed as soon as it is there."""
    work = Work()
    work.may_load.clear()
    worker = EngineWorker(work.load, ['a'], work.answer)
    closing = worker.close()
    assert not closing.done()
    work.may_load.set()
    assert done(closing) and work.engine.closed_by == work.loaded_by


def test_what_cannot_be_loaded_says_why_and_can_be_closed():
    def load():
        raise EngineUnavailableError('e', 'no')

    worker = EngineWorker(load, ['a'], lambda *given: None)
    with pytest.raises(EngineUnavailableError, match='no'):
        worker.loading.result(10)
    assert done(worker.close()) and worker.close().exception() is None


def test_a_bug_in_the_answer_is_told_and_the_engine_still_closed():
    work = Work()
    worker = EngineWorker(work.load, ['a'], lambda *given: 1 / 0)
    told = Event()
    worker.serve(lambda error: (work.bugs.append(error), told.set()))
    worker.put('a', 1)
    assert told.wait(10) and isinstance(work.bugs[0], ZeroDivisionError)
    assert done(worker.close()) and work.engine.closed_by is not None
