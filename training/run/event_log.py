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

"""The event files of TensorBoard."""

from io import BytesIO
import os
from pathlib import Path
import socket
import time

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.system.files import append
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

_VERSION = 'brain.Event:2'


class EventLog:
    """
    Appends scalars and images to a new event file, each in full or not at all.

    torch's SummaryWriter writes in a thread: a full disk there is a traceback, and no error here.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        """Start a file; TensorBoard hides what earlier files have from `first_step` on."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f'{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}.0'
        self._path = folder / f'events.out.tfevents.{name}'
        start = SessionLog(status=SessionLog.START)
        self._append(
            Event(step=first_step, file_version=_VERSION),
            Event(step=first_step, session_log=start),
        )

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Append a value; raise OSError with the name of the file if it cannot be written."""
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        self._append(Event(step=step, summary=summary))

    def add_image(self, tag: str, pixels: npt.NDArray[np.uint8], step: int) -> None:
        """Append an RGB image [H, W, 3] as JPEG; raise as `add_scalar`."""
        encoded = cv2.imencode('.jpg', pixels[..., ::-1])[1].tobytes()
        height, width = pixels.shape[:2]
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=encoded
        )
        self._append(
            Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, image=image)]))
        )

    def _append(self, *events: Event) -> None:
        records = BytesIO()
        writer = RecordWriter(records)
        for event in events:
            event.wall_time = time.time()
            writer.write(event.SerializeToString())
        append(self._path, records.getvalue())
