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

"""Fake backends, which a test enters in the registry under a name."""

from contextlib import contextmanager
from dataclasses import replace
from threading import Event, get_ident
from time import sleep

import numpy as np
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.backends.tensorrt.engine_file import load
from swiftnet_ros.errors import InvalidModelError


class GatedEngine(Backend):
    """A backend that opens, and predicts class 0 everywhere, only while its gates are open."""

    name = 'gated'
    device, precision, threads = 'gate', 'fp32', 1
    may_open, may_infer, entered = Event(), Event(), Event()
    open_engines = 0

    @classmethod
    def open(cls, model, file, options):  # noqa: A003
        """Wait until the gate is open."""
        assert file.path.is_file(), 'what prepare found is there while it is opened'
        return cls(model.spec)

    def __init__(self, spec):
        """Wait until the gate is open."""
        super().__init__(spec)
        self.may_open.wait(60)
        GatedEngine.open_engines += 1
        self._thread = get_ident()

    @classmethod
    def reset(cls, may_open=True, may_infer=True):
        """Open or close the gates, and reset the counters."""
        for gate, is_open in ((cls.may_open, may_open), (cls.may_infer, may_infer)):
            gate.set() if is_open else gate.clear()
        cls.entered.clear()
        GatedEngine.open_engines = 0

    def check_logits(self, frame):
        """Open without a frame, which could wait at the gate."""

    def _infer(self, image):
        assert get_ident() == self._thread, 'a backend belongs to the thread that opened it'
        self.entered.set()
        self.may_infer.wait(60)
        logits = np.zeros(self.spec.logits_shape, np.float32)
        logits[0] = 1.0
        return logits

    def _close(self):
        assert get_ident() == self._thread, 'a backend belongs to the thread that opened it'
        GatedEngine.open_engines -= 1


class SlowEngine(GatedEngine):
    """A backend that takes 50 ms for every frame."""

    name = 'slow'

    def _infer(self, image):
        sleep(0.05)
        return super()._infer(image)


class BrokenEngine(GatedEngine):
    """A backend that fails at every second frame."""

    name = 'broken'
    calls = 0

    def _infer(self, image):
        type(self).calls += 1
        if self.calls % 2:
            raise InvalidModelError('tiny.onnx', 'it gave nonsense')
        return super()._infer(image)


class StoredEngine(GatedEngine):
    """Builds with tensorrt_rtx, which needs no GPU, and checks what the real one would load."""

    name = 'tensorrt'

    @classmethod
    @contextmanager
    def prepare(cls, model, options, build):
        """Find or build the engine of a GPU that is not here."""
        options = replace(options, module='tensorrt_rtx', compute_capability='8.6')
        with TensorRtBackend.prepare(model, options, build) as file:
            yield file

    @classmethod
    def open(cls, model, file, options):  # noqa: A003
        """Read the engine with its sidecar."""
        content, sidecar = load(file.path)
        assert content
        return cls(sidecar.spec)
