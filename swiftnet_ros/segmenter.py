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

"""The public API: open a model and segment images, without ROS."""

import logging
from pathlib import Path
from typing import Optional, Tuple, Union

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.engine_build import EngineBuild
from swiftnet_ros.backends.options import AUTO, BackendOptions
from swiftnet_ros.backends.registry import open_model_file
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.core.labels import label_dtype, Labels, Segmentation
from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import ModelSpec

_LOG = logging.getLogger(__name__)


class Segmenter:
    """
    A model that is ready to segment images of any size; close it when done, or use `with`.

    It must be used and closed by the thread that opened it, one call at a time.
    """

    def __init__(self, backend: Backend) -> None:
        """Own an open backend, which `close` closes."""
        self._backend = backend

    @property
    def spec(self) -> ModelSpec:
        """Return the specification of the model: classes, input size, mIoU."""
        return self._backend.spec

    @property
    def backend(self) -> str:
        """Return the name of the backend, openvino or tensorrt."""
        return self._backend.name

    @property
    def precision(self) -> str:
        """Return the precision that the layers really run in, such as fp32 or int8+fp16."""
        return self._backend.precision

    @property
    def device(self) -> str:
        """Return the full name of the CPU or GPU."""
        return self._backend.device

    @property
    def threads(self) -> int:
        """Return the number of CPU threads that a call uses."""
        return self._backend.threads

    @property
    def uses_cuda_graph(self) -> Optional[bool]:
        """Return whether the work of a frame is one CUDA graph, None on a CPU."""
        return self._backend.uses_cuda_graph

    def segment(
        self,
        image: Union[npt.NDArray[np.uint8], Frame],
        channel_order: str = 'rgb',
        with_confidence: bool = False,
        output_size: Optional[Tuple[int, int]] = None,
        out: Optional[Labels] = None,
    ) -> Segmentation:
        """
        Predict the class of every pixel, at the image's own size or at `output_size`.

        `image` is uint8 [H, W, C] in `channel_order` (rgb, bgr, rgba, bgra; [H, W] for mono), or
        a `Frame`, which has its own. `output_size` is (height, width). The result has `labels`,
        class ids [H, W] in uint8, or uint16 above 255 classes; `with_confidence` adds
        `confidence`, uint8 [H, W], 255 times the largest softmax. The labels are written to `out`
        if it is given, an array of their shape and type; else every result has an array of its
        own. Raises InvalidFrameError for another image, InvalidValueError for an empty size or
        another `out`, BackendClosedError once closed.
        """
        frame = image if isinstance(image, Frame) else Frame(image, channel_order)
        size = output_size or (frame.height, frame.width)
        if min(size) < 1:
            raise InvalidValueError('output size', size, '(height, width) of at least 1')
        if out is not None:
            _check_out(out, size, label_dtype(len(self.spec.classes)))
        self._backend.raise_if_closed()
        return self._backend.segment(frame, size, with_confidence, out)

    def check_logits(self, frame: Frame) -> None:
        """Raise NonFiniteLogitsError if a logit of a frame is NaN or infinite."""
        self._backend.check_logits(frame)

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        self._backend.close()

    def __enter__(self) -> 'Segmenter':
        """Return the segmenter itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the segmenter."""
        self.close()


def _check_out(out: Labels, size: Tuple[int, int], dtype: type) -> None:
    """Raise InvalidValueError for an array that labels cannot be written to."""
    is_usable = out.flags.c_contiguous and out.flags.writeable
    if out.shape != size or out.dtype != dtype or not is_usable:
        expected = f'a contiguous, writable array of {np.dtype(dtype)} {list(size)}'
        raise InvalidValueError('out', f'{out.dtype} {list(out.shape)}', expected)


def open_model(
    path_or_name: Union[str, Path], backend: str = AUTO, precision: str = AUTO, threads: int = 0
) -> Segmenter:
    """
    Open a model file, or a shipped model by its name, to segment images.

        from swiftnet_ros import open_model

        with open_model('indoor') as segmenter:
            result = segmenter.segment(rgb)
            name = segmenter.spec.class_names[result.labels[0, 0]]

    `rgb` is a NumPy array, uint8 [H, W, 3]; `result.labels` is uint8 [H, W]. `backend` is auto,
    openvino or tensorrt; with TensorRT an engine that is not in the cache is built first, which
    takes minutes. `precision` is auto, fp32, bf16, fp16 or int8; of a pair of files auto and
    int8 open X.int8.onnx, the others X.fp32.onnx. `threads` of 0 takes every CPU that this
    process may use. Raises a SwiftnetError, which says what to do, if the model cannot be opened.
    """
    options = BackendOptions(engine=backend, precision=precision, threads=threads)
    build = EngineBuild(lambda phase: _LOG.warning('engine of %s: %s', path_or_name, phase))
    return Segmenter(open_model_file(path_or_name, options, build).backend)
