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

"""Engines for tests, to be entered into the table of engines under a name."""

from threading import Event, get_ident
from time import sleep

import numpy as np
from swiftnet_ros.backends.base import LogitsEngine
from swiftnet_ros.backends.tensorrt.engine_file import load
from swiftnet_ros.errors import InvalidModelError
from swiftnet_ros.model_spec import read_spec


class GatedEngine(LogitsEngine):
    """An engine that opens, and answers, only when it may; class 0 everywhere."""

    name = 'gated'
    device, precision, threads = 'gate', 'fp32', 1
    may_open, may_answer, entered = Event(), Event(), Event()
    open_engines = 0

    def __init__(self, path, precision, threads):
        """Wait until the gate is open."""
        super().__init__(read_spec(path))
        self.may_open.wait(60)
        type(self).open_engines += 1
        self._thread = get_ident()

    @classmethod
    def reset(cls, may_open=True, may_answer=True):
        """Open or close the gates; forget who passed."""
        for gate, is_open in ((cls.may_open, may_open), (cls.may_answer, may_answer)):
            gate.set() if is_open else gate.clear()
        cls.entered.clear()
        cls.open_engines = 0

    def _infer(self, image):
        assert get_ident() == self._thread, 'an engine belongs to the thread that opened it'
        self.entered.set()
        self.may_answer.wait(60)
        logits = np.zeros(self.spec.logits_shape, np.float32)
        logits[0] = 1.0
        return logits

    def _close(self):
        assert get_ident() == self._thread, 'an engine belongs to the thread that opened it'
        type(self).open_engines -= 1


class SlowEngine(GatedEngine):
    """An engine that takes 50 ms for every frame."""

    name = 'slow'

    def _infer(self, image):
        sleep(0.05)
        return super()._infer(image)


class BrokenEngine(GatedEngine):
    """An engine whose every second answer is nonsense."""

    name = 'broken'
    calls = 0

    def _infer(self, image):
        type(self).calls += 1
        if self.calls % 2:
            raise InvalidModelError('tiny.onnx', 'it gave nonsense')
        return super()._infer(image)


class StoredEngine(GatedEngine):
    """An engine of the cache, checked as the real one is before TensorRT would load it."""

    name = 'tensorrt'

    def __init__(self, path, precision, threads):
        """Read the engine with its sidecar."""
        content, sidecar = load(path)
        assert content
        LogitsEngine.__init__(self, sidecar.spec)
        type(self).open_engines += 1
        self._thread = get_ident()
