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

"""One form of frame on the GPU: its memory, and its way from pixels to labels."""

from dataclasses import dataclass
from time import perf_counter
from typing import Dict, Optional, Tuple

import numpy as np
from swiftnet_ros.backends.cuda.device import CudaGpu
from swiftnet_ros.backends.cuda.driver import CudaEvent, CudaGraph
from swiftnet_ros.backends.cuda.kernels import LabelsStep, ResizeStep
from swiftnet_ros.backends.cuda.memory import Memory, SharedMemory
from swiftnet_ros.backends.tensorrt.execution import TensorRtNetwork
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Segmentation
from swiftnet_ros.model_spec import ModelSpec

_STAGES = ('prepare', 'engine', 'labels')


@dataclass(frozen=True)
class FrameForm:
    """What decides how much memory a frame needs and what happens to it; sizes (height, width)."""

    frame_size: Tuple[int, int]
    channel_order: str
    output_size: Tuple[int, int]
    with_confidence: bool


class FramePlan:
    """
    Upload, resize, network, labels, download: one graph, where the driver can record it.

    Only the camera's bytes go up, and only labels and confidence come down.
    """

    def __init__(
        self, form: FrameForm, spec: ModelSpec, gpu: CudaGpu, network: TensorRtNetwork
    ) -> None:
        """Take the memory; DeviceMemoryError where there is not enough."""
        self._gpu, self._network = gpu, network
        self._resize = ResizeStep(
            form.frame_size, form.channel_order, (spec.input_height, spec.input_width)
        )
        self._labels = LabelsStep(
            spec.logits_shape, network.is_half, form.output_size, form.with_confidence
        )
        self._memory = Memory(gpu)
        self._graph: Optional[CudaGraph] = None
        self._confidence: Optional[SharedMemory] = None
        self._events: Tuple[CudaEvent, ...] = ()
        try:
            self._take_memory(form)
        except BaseException:
            self.free()
            raise

    def run(self, frame: Frame) -> Segmentation:
        """Answer one frame; the first is sent piece by piece, since TensorRT begins with it."""
        start = perf_counter()
        np.copyto(self._frame.host, frame.pixels.reshape(self._frame.host.shape))
        copied = perf_counter()
        if self._graph is None:
            self._enqueue(in_graph=False)
        else:
            self._graph.launch(self._gpu.stream_handle)
        self._gpu.stream.synchronize()
        arrived = perf_counter()
        labels = self._labels_out.host.copy()
        confidence = None if self._confidence is None else self._confidence.host.copy()
        seconds = self._seconds()
        seconds['prepare'] += copied - start
        seconds['labels'] += perf_counter() - arrived
        return Segmentation(labels, confidence, seconds)

    def capture(self) -> bool:
        """Record the work as a graph, once a frame was answered; tell whether that succeeded."""
        handle = self._gpu.stream_handle
        self._graph = CudaGraph.capture(
            self._gpu.driver, handle, lambda: self._enqueue(in_graph=True)
        )
        return self._graph is not None

    def free(self) -> None:
        """Free the graph, then what it uses."""
        if self._graph is not None:
            self._graph.free()
        for event in self._events:
            event.free()
        self._graph, self._events = None, ()
        self._memory.free()

    def _take_memory(self, form: FrameForm) -> None:
        memory, output, labels = self._memory, form.output_size, self._labels
        shape = (*form.frame_size, self._resize.channels)
        self._frame = memory.shared("the camera's frame", shape, np.uint8)
        self._labels_out = memory.shared('the labels', output, labels.label_dtype)
        if form.with_confidence:
            self._confidence = memory.shared('the confidence', output, np.uint8)
        self._candidates = memory.device('the candidates', labels.candidate_bytes)
        self._resize_tables, self._label_tables = (
            [memory.table('tables', table) for table in step.tables]
            for step in (self._resize, self._labels)
        )
        for _ in range(len(_STAGES) + 1):
            self._events += (CudaEvent(self._gpu.driver),)

    def _enqueue(self, in_graph: bool) -> None:
        network, stream = self._network, self._gpu.stream_handle
        before, prepared, inferred, after = self._events
        before.record(stream, in_graph)
        self._frame.upload()
        self._gpu.launch(
            self._resize.launch(self._frame.address, self._resize_tables, network.image)
        )
        prepared.record(stream, in_graph)
        network.enqueue()
        inferred.record(stream, in_graph)
        for launch in self._labels.launches(
            network.logits,
            self._label_tables,
            self._candidates,
            self._labels_out.address,
            self._confidence.address if self._confidence else 0,
        ):
            self._gpu.launch(launch)
        self._labels_out.download()
        if self._confidence:
            self._confidence.download()
        after.record(stream, in_graph)

    def _seconds(self) -> Dict[str, float]:
        pairs = zip(_STAGES, self._events, self._events[1:])
        return {stage: earlier.seconds_until(later) for stage, earlier, later in pairs}
