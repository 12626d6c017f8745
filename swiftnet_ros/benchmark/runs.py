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

"""What every benchmark run takes and gives, and the run on the Segmenter alone, without ROS."""

from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Dict, Iterator, List, Optional, Tuple

import cv2
import numpy as np
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_files import image_files, label_file, read_image, read_label
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.core.metrics import confusion_matrix, Matrix
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter

_WARM_UP = 3
_TIMED = 20


@dataclass(frozen=True)
class Sample:
    """A picture and, where labels were given, its true class ids [H, W]."""

    name: str
    frame: Frame
    truth: Optional[Labels] = None


@dataclass(frozen=True)
class Samples:
    """
    The pictures of a folder, played `repeat` times; missing labels are an error at once.

    With `size`, (height, width), they are as a camera of that size would give them.
    """

    files: Tuple[Tuple[Path, Optional[Path]], ...]
    spec: ModelSpec
    repeat: int = 1
    size: Optional[Tuple[int, int]] = None

    @classmethod
    def from_folders(
        cls,
        images: Path,
        labels: Optional[Path],
        spec: ModelSpec,
        repeat: int,
        size: Optional[Tuple[int, int]] = None,
    ) -> 'Samples':
        """Pair the images of a folder with the labels of the same names, if there are any."""
        files = image_files(images)
        pairs = tuple((path, label_file(path, labels) if labels else None) for path in files)
        return cls(pairs, spec, repeat, size)

    def __len__(self) -> int:
        """Count the pictures, repeated ones included."""
        return len(self.files) * self.repeat

    def __iter__(self) -> Iterator[Sample]:
        """Read one picture after the other."""
        for image, label in self.files * self.repeat:
            frame = _of_size(read_image(image), self.size)
            size = (frame.height, frame.width)
            truth = read_label(label, self.spec, size) if label else None
            yield Sample(image.name, frame, truth)


@dataclass
class Run:
    """
    What a run gave; it is filled frame by frame.

    `latencies_ms` are of the frames that were answered, `seconds` is the time in which they
    were, and `matrix` counts the pixels of those with labels. `memory_mb` is what the node held
    from time to time, in 1e6 bytes, and `stages_ms` its own medians of the stages of its work.
    """

    classes: int
    sent: int = 0
    seconds: float = 0.0
    latencies_ms: List[float] = field(default_factory=list)
    matrix: Optional[Matrix] = None
    memory_mb: List[float] = field(default_factory=list)
    stages_ms: Dict[str, float] = field(default_factory=dict)

    def count(self, latency_ms: float) -> None:
        """Count an answered frame."""
        self.latencies_ms.append(latency_ms)

    def compare(self, sample: Sample, predicted: Labels) -> None:
        """Add a frame's labels to the confusion matrix, if the truth is known."""
        if sample.truth is not None:
            counted = confusion_matrix(sample.truth, predicted, self.classes)
            self.matrix = counted if self.matrix is None else self.matrix + counted


def run_alone(segmenter: Segmenter, samples: Samples) -> Run:
    """Segment every sample in this process; the latency is the segmenter's alone."""
    run = Run(len(segmenter.spec.classes))
    for _ in range(_WARM_UP):
        segmenter.segment(next(iter(samples)).frame)
    for sample in samples:
        run.sent += 1
        milliseconds, labels = timed(segmenter, sample.frame)
        run.count(milliseconds)
        run.compare(sample, labels)
    run.seconds = sum(run.latencies_ms) / 1000
    return run


@dataclass(frozen=True)
class EngineTimes:
    """Medians in milliseconds: input array to logits, and frame to labels in memory."""

    engine_ms: float
    pipeline_ms: float


def time_engine(segmenter: Segmenter, samples: Samples) -> EngineTimes:
    """Time the engine by itself on the first samples, warmed up."""
    frames = [sample.frame for sample in islice(samples, _TIMED)]
    wholes, engines = [], []
    for frame in islice(cycle(frames), _WARM_UP + _TIMED):
        start = perf_counter()
        found = segmenter.segment(frame)
        wholes.append((perf_counter() - start) * 1000)
        # An engine that does everything on its own device does not tell the stages apart.
        engines.append(found.seconds.get('engine', wholes[-1] / 1000) * 1000)
    return EngineTimes(*(float(np.median(times[_WARM_UP:])) for times in (engines, wholes)))


def timed(segmenter: Segmenter, frame: Frame) -> Tuple[float, Labels]:
    """Segment a frame and say how many milliseconds that took."""
    start = perf_counter()
    labels = segmenter.segment(frame).labels
    return (perf_counter() - start) * 1000, labels


def _of_size(frame: Frame, size: Optional[Tuple[int, int]]) -> Frame:
    if size is None or size == (frame.height, frame.width):
        return frame
    return Frame(np.asarray(cv2.resize(frame.pixels, size[::-1]), np.uint8), frame.channel_order)
