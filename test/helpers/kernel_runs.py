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


"""Run the CUDA kernels on arrays, by the CPU or by a GPU, and check that they stay in bounds."""

from dataclasses import replace
from typing import Any, Callable, List, Tuple

from helpers.cpu_kernels import cpu_kernels
import numpy as np
from swiftnet_ros.backends.cuda.device import CudaDevice
from swiftnet_ros.backends.cuda.kernels import KernelLaunch, LabelsStep, ResizeStep
from swiftnet_ros.backends.cuda.memory import GpuMemory
from swiftnet_ros.core.labels import Segmentation

_GUARD, _MARGIN = 0xA5, 256


class CpuRunner:
    """Runs the kernels on host memory."""

    def __init__(self) -> None:
        """Start without arrays."""
        self._kept: List[Any] = []

    def upload(self, array: Any) -> int:
        """Return the address of an array for the kernels."""
        self._kept.append(np.ascontiguousarray(array))
        return int(self._kept[-1].ctypes.data)

    def download(self, address: int, array: Any) -> None:
        """Copy what a kernel wrote at an address into an array."""
        kept = next(item for item in self._kept if item.ctypes.data == address)
        array[...] = kept

    def launch(self, launch: KernelLaunch) -> None:
        """Run a kernel and wait for it."""
        cpu_kernels().launch(launch)

    def free(self) -> None:
        """Forget all arrays."""
        self._kept.clear()


class GpuRunner:
    """Runs the kernels on a GPU; close `device` at the end."""

    def __init__(self, device: CudaDevice) -> None:
        """Use a device, whose context is made current by every call."""
        self.device, self._memory = device, GpuMemory(device)

    def upload(self, array: Any) -> int:
        """Copy an array to the GPU and return its address there."""
        with self.device.current():
            return self._memory.allocate_copy('a test', np.ascontiguousarray(array))

    def download(self, address: int, array: Any) -> None:
        """Copy what a kernel wrote at an address into an array."""
        with self.device.current():
            self.device.cuda.memcpy_dtoh(array, address)

    def launch(self, launch: KernelLaunch) -> None:
        """Run a kernel and wait for it."""
        with self.device.current():
            self.device.launch(launch)
            self.device.stream.synchronize()

    def free(self) -> None:
        """Free all arrays."""
        with self.device.current():
            self._memory.free()


def resized(runner: Any, pixels: Any, order: str, size: Tuple[int, int], pitch: int = 0) -> Any:
    """Return the network input that `resize_frame` makes; `pitch` is the bytes of a row."""
    step = ResizeStep(pixels.shape[:2], order, size)
    rows = pixels.reshape(len(pixels), -1)
    if pitch:
        padded = np.full((len(rows), pitch), _GUARD, np.uint8)
        padded[:, : rows.shape[1]] = rows
        rows = padded
    address, fetch = _output(runner, (1, *size, 3), np.uint8)
    launch = step.launch(runner.upload(rows), [runner.upload(t) for t in step.tables], address)
    if pitch:
        arguments = (launch.arguments[0], pitch, *launch.arguments[2:])
        launch = replace(launch, arguments=arguments)
    runner.launch(launch)
    image = fetch()
    runner.free()
    return image


def segmented(
    runner: Any, logits: Any, size: Tuple[int, int], with_confidence: bool = False
) -> Tuple[Segmentation, Any]:
    """Return the labels, and the confidence, of logits [C, h, w], and the candidates as bits."""
    step = LabelsStep(logits.shape, logits.dtype == np.float16, size, with_confidence)
    labels, fetch_labels = _output(runner, size, step.label_dtype)
    confidence, fetch_confidence = _output(runner, size, np.uint8)
    candidates, fetch_candidates = _output(runner, (step.candidate_bytes,), np.uint8)
    launches = step.launches(
        runner.upload(logits),
        [runner.upload(table) for table in step.tables],
        candidates,
        labels,
        confidence if with_confidence else 0,
    )
    for launch in launches:
        runner.launch(launch)
    found = (fetch_labels(), fetch_confidence(), fetch_candidates())
    runner.free()
    return Segmentation(found[0], found[1] if with_confidence else None), found[2]


def _output(runner: Any, shape: Tuple[int, ...], dtype: Any) -> Tuple[int, Callable[[], Any]]:
    """Return the address of an array to fill, and what fetches it and checks its surroundings."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    block = np.full(size + 2 * _MARGIN, _GUARD, np.uint8)
    address = runner.upload(block)

    def fetch() -> Any:
        runner.download(address, block)
        before, content, after = np.split(block, [_MARGIN, _MARGIN + size])
        assert np.all(before == _GUARD), 'a kernel wrote before its output'
        assert np.all(after == _GUARD), 'a kernel wrote behind its output'
        return content.view(dtype).reshape(shape).copy()

    return address + _MARGIN, fetch
