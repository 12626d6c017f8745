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

"""A mailbox keeps the newest item only and wakes whoever waits."""

from threading import Thread
from time import monotonic, sleep

from swiftnet_ros.frame_mailbox import Mailbox


def test_the_newest_item_wins_and_the_old_one_is_reported():
    box = Mailbox()
    assert [box.put(item) for item in 'abc'] == [False, True, True]
    assert box.take(0.0) == 'c'
    assert box.put('d') is False


def test_an_item_is_given_out_once():
    box = Mailbox()
    box.put('a')
    assert (box.take(0.0), box.take(0.0)) == ('a', None)


def test_take_waits_for_an_item():
    box, taken = Mailbox(), []
    waiting = Thread(target=lambda: taken.append(box.take(10.0)))
    waiting.start()
    sleep(0.05)
    assert taken == []
    box.put('late')
    waiting.join(5.0)
    assert taken == ['late']


def test_take_gives_up_after_its_timeout():
    start = monotonic()
    assert Mailbox().take(0.1) is None
    assert 0.09 < monotonic() - start < 5.0


def test_close_wakes_who_waits_and_gives_nothing_out():
    box, taken = Mailbox(), []
    waiting = Thread(target=lambda: taken.append(box.take()))
    waiting.start()
    box.close()
    waiting.join(5.0)
    box.put('too late')
    assert taken == [None] and box.take() is None


def test_between_threads_every_item_is_taken_or_reported_as_replaced():
    box, taken, replaced = Mailbox(), [], 0

    def take_all():
        item = box.take()
        while item is not None:
            taken.append(item)
            item = box.take()

    worker = Thread(target=take_all)
    worker.start()
    for number in range(1, 5001):
        replaced += box.put(number)
    end = monotonic() + 10.0
    while taken[-1:] != [5000] and monotonic() < end:
        sleep(0.001)
    box.close()
    worker.join(5.0)
    assert len(taken) + replaced == 5000 and taken == sorted(set(taken))
