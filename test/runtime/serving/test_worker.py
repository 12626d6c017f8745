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

"""The worker thread opens, processes and closes; its mailboxes keep the newest item."""

from concurrent.futures import wait
from threading import Event, get_ident, Thread
from time import monotonic, sleep

import pytest
from swiftnet_ros.errors import EngineUnavailableError
from swiftnet_ros.serving.worker import EngineWorker, Mailboxes


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


def wait_for(is_true):
    """Wait up to 10 seconds until a condition is true."""
    end = monotonic() + 10
    while not is_true():
        assert monotonic() < end
        sleep(0.005)


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


def test_each_camera_keeps_its_newest_item_and_reports_the_old_one():
    boxes = Mailboxes(['front', 'rear'])
    given = [('front', 1), ('rear', 2), ('front', 3), ('front', 4)]
    assert [boxes.put(*item) for item in given] == [False, False, True, True]
    assert {boxes.take(0.0), boxes.take(0.0)} == {('front', 4), ('rear', 2)}
    assert boxes.take(0.0) is None


def test_cameras_are_served_in_turn():
    boxes, served = Mailboxes('abc'), []
    for _ in range(9):
        for name in 'cab':
            boxes.put(name, name.upper())
        served.append(boxes.take(0.0)[0])
    assert served == list('abcabcabc')


def test_no_camera_starves_next_to_a_fast_one():
    boxes, served = Mailboxes(['fast', 'slow']), []
    for number in range(60):
        boxes.put('fast', number)
        if number % 6 == 0:
            boxes.put('slow', number)
        served.append(boxes.take(0.0)[0])
    assert served.count('slow') == 10
    late = [number for number in range(60) if served[number] == 'slow']
    assert all(number % 6 <= 1 for number in late)


def test_turns_begin_with_the_camera_that_is_served_next():
    boxes = Mailboxes('abc')
    assert boxes.turns() == list('abc')
    for name in 'ba':
        boxes.put(name, 0)
        boxes.take(0.0)
    assert boxes.turns() == list('cba')


def test_a_worker_says_when_it_needs_the_next_frame():
    """It does once it has segmented one, and calls `on_free` if it is free earlier."""
    work, free = Work(), Event()

    def process(camera, frame, model):
        work.process(camera, frame, model)
        return frame == 'segmented'

    worker = EngineWorker(work.load, ['a'], process, on_free=free.set)
    worker.serve(work.bugs.append)
    worker.put('a', 'dropped')
    wait_for(lambda: work.processed)
    assert worker.due_in() == 0 and worker.turns() == ['a']
    work.may_process.clear()
    worker.put('a', 'segmented')
    sleep(0.2)
    work.may_process.set()
    wait_for(lambda: worker._pace._processing)
    work.may_process.clear()
    worker.put('a', 'segmented')
    assert 0 < worker.due_in() < 5 and not free.is_set()
    work.may_process.set()
    assert free.wait(5) and worker.due_in() == 0
    assert done(worker.close()) and work.bugs == []


def test_camera_that_was_silent_is_served_first():
    boxes = Mailboxes('abc')
    for name in 'aab':
        boxes.put(name, 0)
        boxes.take(0.0)
    boxes.put('a', 1)
    boxes.put('b', 1)
    boxes.put('c', 1)
    assert [boxes.take(0.0)[0] for _ in range(3)] == ['c', 'a', 'b']


def test_take_waits_for_an_item_or_the_timeout():
    boxes, taken, start = Mailboxes('a'), [], monotonic()
    assert boxes.take(0.1) is None
    assert 0.09 < monotonic() - start < 5.0
    waiting = Thread(target=lambda: taken.append(boxes.take(10.0)))
    waiting.start()
    boxes.put('a', 'late')
    waiting.join(5.0)
    assert taken == [('a', 'late')]


def test_close_wakes_waiting_threads_and_discards_items():
    boxes, taken = Mailboxes('a'), []
    waiting = Thread(target=lambda: taken.append(boxes.take()))
    waiting.start()
    boxes.close()
    waiting.join(5.0)
    boxes.put('a', 'too late')
    assert taken == [None] and boxes.take() is None


def test_between_threads_every_item_of_every_camera_is_taken_or_reported():
    names, count = ['a', 'b', 'c'], 2000
    boxes, taken, replaced = Mailboxes(names), [], []

    def put_all(name):
        replaced.append(sum(boxes.put(name, number) for number in range(count)))

    def take_all():
        item = boxes.take(1.0)
        while item is not None:
            taken.append(item)
            item = boxes.take(1.0)

    threads = [Thread(target=put_all, args=(name,)) for name in names] + [Thread(target=take_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert len(taken) + sum(replaced) == len(names) * count
    for name in names:
        numbers = [number for camera, number in taken if camera == name]
        assert numbers == sorted(set(numbers)) and numbers[-1] == count - 1
