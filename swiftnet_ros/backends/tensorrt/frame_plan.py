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

"""The work of one frame on the GPU, from pixels to labels, as one CUDA graph."""

from dataclasses import dataclass
from time import perf_counter
from typing import Dict, Optional, Tuple

import numpy as np
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.backends.cuda.driver import CudaEvent, CudaGraph
from swiftnet_ros.backends.cuda.kernels import LabelsStep, ResizeStep
from swiftnet_ros.backends.cuda.memory import GpuMemory, PinnedBuffer
from swiftnet_ros.backends.tensorrt.execution import EngineExecution
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import Labels, Segmentation
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.system.image_size import Size

_STAGES = ('prepare', 'engine', 'labels')


@dataclass(frozen=True)
class FrameFormat:
    """What determines the memory and the work of a frame; sizes are (height, width)."""

    frame_size: Size
    channel_order: str
    output_size: Size
    with_confidence: bool


class FramePlan:
    """
    Memory and work for frames of one format: upload, resize, inference, argmax, download.

    Only the pixels of the camera are uploaded, only labels and confidence are downloaded.
    """

    def __init__(
        self, frame_format: FrameFormat, spec: ModelSpec, device: CudaDevice, net: EngineExecution
    ) -> None:
        """Allocate the memory; raise DeviceMemoryError if it does not suffice."""
        self._device, self._net = device, net
        self._resize = ResizeStep(
            frame_format.frame_size,
            frame_format.channel_order,
            (spec.input_height, spec.input_width),
        )
        self._argmax = LabelsStep(
            spec.logits_shape,
            net.logits_dtype == np.float16,
            frame_format.output_size,
            frame_format.with_confidence,
        )
        self._memory = GpuMemory(device)
        self._graph: Optional[CudaGraph] = None
        self._confidence: Optional[PinnedBuffer] = None
        self._events: Tuple[CudaEvent, ...] = ()
        try:
            self._allocate(frame_format)
        except BaseException:
            self.free()
            raise

    def run(self, frame: Frame, out: Optional[Labels] = None) -> Segmentation:
        """
        Segment a frame; the first without a graph, since TensorRT initializes itself then.

        The labels are copied to `out` if there is one.
        """
        start = perf_counter()
        np.copyto(self._frame.host, frame.pixels.reshape(self._frame.host.shape))
        copied = perf_counter()
        if self._graph is None:
            self._enqueue(in_graph=False)
        else:
            self._graph.launch(self._device.stream_handle)
        self._device.stream.synchronize()
        finished = perf_counter()
        labels = np.empty_like(self._labels.host) if out is None else out
        np.copyto(labels, self._labels.host)
        confidence = None if self._confidence is None else self._confidence.host.copy()
        seconds = self._stage_seconds()
        seconds['prepare'] += copied - start
        seconds['labels'] += perf_counter() - finished
        return Segmentation(labels, confidence, seconds)

    def capture(self) -> bool:
        """Capture the work as a graph, after a first `run`; return whether that succeeded."""
        self._graph = CudaGraph.capture(
            self._device.driver, self._device.stream_handle, lambda: self._enqueue(in_graph=True)
        )
        return self._graph is not None

    def free(self) -> None:
        """Free the graph, then the events and memory that it uses."""
        if self._graph is not None:
            self._graph.free()
        for event in self._events:
            event.free()
        self._graph, self._events = None, ()
        self._memory.free()

    def _allocate(self, frame_format: FrameFormat) -> None:
        memory, output_size = self._memory, frame_format.output_size
        frame_shape = (*frame_format.frame_size, self._resize.channels)
        self._frame = memory.allocate_pinned("the camera's frame", frame_shape, np.uint8)
        self._labels = memory.allocate_pinned('the labels', output_size, self._argmax.label_dtype)
        if frame_format.with_confidence:
            self._confidence = memory.allocate_pinned('the confidence', output_size, np.uint8)
        self._candidates = memory.allocate('the candidates', self._argmax.candidate_bytes)
        self._resize_tables, self._argmax_tables = (
            [memory.allocate_copy('tables', table) for table in step.tables]
            for step in (self._resize, self._argmax)
        )
        # Added one by one, so that `free` frees them if a later one fails.
        for _ in range(len(_STAGES) + 1):
            self._events += (CudaEvent(self._device.driver),)

    def _enqueue(self, in_graph: bool) -> None:
        device, net, stream = self._device, self._net, self._device.stream_handle
        start, resized, inferred, end = self._events
        start.record(stream, in_graph)
        self._frame.upload()
        device.launch(
            self._resize.launch(self._frame.address, self._resize_tables, net.input_address)
        )
        resized.record(stream, in_graph)
        net.enqueue()
        inferred.record(stream, in_graph)
        for launch in self._argmax.launches(
            net.logits_address,
            self._argmax_tables,
            self._candidates,
            self._labels.address,
            self._confidence.address if self._confidence else 0,
        ):
            device.launch(launch)
        self._labels.download()
        if self._confidence:
            self._confidence.download()
        end.record(stream, in_graph)

    def _stage_seconds(self) -> Dict[str, float]:
        pairs = zip(_STAGES, self._events, self._events[1:])
        return {stage: earlier.seconds_until(later) for stage, earlier, later in pairs}
