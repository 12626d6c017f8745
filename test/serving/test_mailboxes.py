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

"""Mailboxes keep the newest item of each camera, in turn, and wake waiting threads."""

from threading import Thread
from time import monotonic

from swiftnet_ros.serving.worker import Mailboxes


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


def test_camera_that_was_silent_is_served_first():
    boxes = Mailboxes('abc')
    for name in 'aab':
        boxes.put(name, 0)
        boxes.take(0.0)
    boxes.put('a', 1)
    boxes.put('b', 1)
    boxes.put('c', 1)
    assert [boxes.take(0.0)[0] for _ in range(3)] == ['c', 'a', 'b']


def test_clear_discards_items_only():
    boxes = Mailboxes('ab')
    boxes.put('a', 1)
    boxes.clear()
    assert boxes.take(0.0) is None
    assert boxes.put('a', 2) is False
    assert boxes.take(0.0) == ('a', 2)


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
