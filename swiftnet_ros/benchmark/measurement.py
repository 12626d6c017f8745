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

"""What a benchmark measures: images with labels in, latencies and a confusion matrix out."""

from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.image_files import read_image, read_label
from swiftnet_ros.core.image_listing import image_files, pair_files
from swiftnet_ros.core.label_coverage import Counts, coverage_warning, label_counts
from swiftnet_ros.core.labels import Labels
from swiftnet_ros.core.metrics import confusion_matrix, Matrix
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.segmenter import Segmenter
from swiftnet_ros.system.process import print_warning
from swiftnet_ros.system.progress import progress

_WARM_UP_FRAMES = 3
_TIMED_FRAMES = 20
_REMEDY = 'write class ids into the label images, which are read as they are (1 instead of 255)'


@dataclass(frozen=True)
class LabeledFrame:
    """A frame and, if there are labels, its true class ids [H, W], or `unlabeled_id`."""

    name: str
    frame: Frame
    truth: Optional[Labels] = None
    unlabeled_id: int = 255


@dataclass(frozen=True)
class LabeledFrames:
    """
    The images of a folder with their labels, repeated `repeat` times.

    With `size`, (height, width), the images are stretched to the size of a camera.
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
        allow_unpaired: bool = False,
    ) -> 'LabeledFrames':
        """List images, paired with the labels of the same names if there is a folder of them."""
        pairs: Sequence[Tuple[Path, Optional[Path]]]
        if labels is None:
            pairs = [(path, None) for path in image_files(images)]
        else:
            pairs = pair_files(images, labels, nested=False, allow_unpaired=allow_unpaired)
        return cls(tuple(pairs), spec, repeat, size)

    def __len__(self) -> int:
        """Return the number of frames, with repetitions."""
        return len(self.files) * self.repeat

    def __iter__(self) -> Iterator[LabeledFrame]:
        """Read the frames one by one."""
        for image, label in self.files * self.repeat:
            frame = _stretch(read_image(image), self.size)
            size = (frame.height, frame.width)
            truth = read_label(label, self.spec, size, image) if label else None
            yield LabeledFrame(image.name, frame, truth, self.spec.unlabeled_id)


def _stretch(frame: Frame, size: Optional[Tuple[int, int]]) -> Frame:
    if size is None or size == (frame.height, frame.width):
        return frame
    return Frame(np.asarray(cv2.resize(frame.pixels, size[::-1]), np.uint8), frame.channel_order)


@dataclass(frozen=True)
class NodeUsage:
    """
    What the process of a node used during `seconds` in which it published `label_images`.

    `cpu_seconds` are those of all threads, in Python and in the kernel; `page_faults` are pages
    of memory that the kernel provided without reading a file.
    """

    seconds: float
    label_images: int
    cpu_seconds: float
    page_faults: int


@dataclass
class Measurement:
    """
    Latencies and predictions, added frame by frame.

    `sent` counts all frames, `latencies_ms` those with a result, within `seconds`. `matrix` is the
    confusion matrix of the frames with labels, `label_counts` has the pixels of each class in
    each of them. `memory_mb` are samples of the node's resident memory in 1e6 bytes, `stages_ms`
    the node's own medians of its stages, `usage` is what its process used at a rate.
    """

    num_classes: int
    sent: int = 0
    seconds: float = 0.0
    latencies_ms: List[float] = field(default_factory=list)
    matrix: Optional[Matrix] = None
    label_counts: List[Counts] = field(default_factory=list)
    memory_mb: List[float] = field(default_factory=list)
    stages_ms: Dict[str, float] = field(default_factory=dict)
    usage: Optional[NodeUsage] = None

    @property
    def fps(self) -> Optional[float]:
        """Return the results per second, None without a result."""
        return len(self.latencies_ms) / self.seconds if self.latencies_ms else None

    def percentile_ms(self, percent: int) -> Optional[float]:
        """Return a percentile of the latencies, None without a result."""
        return float(np.percentile(self.latencies_ms, percent)) if self.latencies_ms else None

    def add_prediction(self, frame: LabeledFrame, predicted: Labels) -> None:
        """Add a prediction to the confusion matrix if the truth is known."""
        if frame.truth is not None:
            counts = confusion_matrix(frame.truth, predicted, self.num_classes)
            self.matrix = counts if self.matrix is None else self.matrix + counts
            self.label_counts.append(
                label_counts(frame.truth, self.num_classes, frame.unlabeled_id)
            )

    def warn_of_labels(self, names: Sequence[str]) -> None:
        """Print a warning if the true labels lack a class or look like masks of 0 and 255."""
        if self.label_counts:
            counts = np.array(self.label_counts)
            warning = coverage_warning(names, counts, 'the labels of --labels', _REMEDY)
            if warning:
                print_warning(warning)


@dataclass(frozen=True)
class EngineTimes:
    """
    Median milliseconds of inference, and of a frame to its labels in memory.

    `engine_cpu_ms` is the CPU time of inference, of all its threads, a mean.
    """

    engine_ms: float
    pipeline_ms: float
    engine_cpu_ms: float


def measure_without_ros(segmenter: Segmenter, frames: LabeledFrames) -> Measurement:
    """Segment every frame in this process; the latency is that of `segment`."""
    measurement = Measurement(len(segmenter.spec.classes))
    for _ in range(_WARM_UP_FRAMES):
        segmenter.segment(next(iter(frames)).frame)
    for frame in progress(frames, 'segment', len(frames)):
        measurement.sent += 1
        start = perf_counter()
        predicted = segmenter.segment(frame.frame).labels
        measurement.latencies_ms.append((perf_counter() - start) * 1000)
        measurement.add_prediction(frame, predicted)
    measurement.seconds = sum(measurement.latencies_ms) / 1000
    return measurement


def time_engine(segmenter: Segmenter, frames: LabeledFrames) -> EngineTimes:
    """Return the times of the segmenter alone on the first frames, after a warm-up."""
    first = [frame.frame for frame in islice(frames, _TIMED_FRAMES)]
    pipeline_ms, engine_ms, cpu_ms = [], [], []
    for frame in islice(cycle(first), _WARM_UP_FRAMES + _TIMED_FRAMES):
        start, cpu_start = perf_counter(), process_time()
        result = segmenter.segment(frame)
        pipeline_ms.append((perf_counter() - start) * 1000)
        # An engine that does everything on the GPU does not measure its stages.
        engine_ms.append(result.seconds.get('engine', pipeline_ms[-1] / 1000) * 1000)
        # The stages before and after inference have one thread each, which only computes.
        others_ms = pipeline_ms[-1] - engine_ms[-1]
        cpu_ms.append((process_time() - cpu_start) * 1000 - others_ms)
    timed = slice(_WARM_UP_FRAMES, None)
    return EngineTimes(
        float(np.median(engine_ms[timed])),
        float(np.median(pipeline_ms[timed])),
        float(np.mean(cpu_ms[timed])),
    )
