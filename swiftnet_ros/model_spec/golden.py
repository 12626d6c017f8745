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

"""The golden frame of a model: a small image and its labels, for the self-check at start."""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from swiftnet_ros.errors import InvalidFrameError, InvalidTextError, SpecFieldError
from swiftnet_ros.image_formats.decode import decode
from swiftnet_ros.system.image_encoding import encode_image
from swiftnet_ros.system.json_reader import parse_json
from swiftnet_ros.system.json_text import to_json

# It is small, so that a start takes no longer for it.
_MAX_PIXELS = 2**22


@dataclass(frozen=True, eq=False)
class Golden:
    """A frame, uint8 [H, W, 3] in RGB, and its labels, uint8 or uint16 [H, W]."""

    frame: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.unsignedinteger]

    def __post_init__(self) -> None:
        """Raise SpecFieldError if the arrays are not a frame and its labels."""
        shape = self.frame.shape
        if self.frame.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise SpecFieldError('golden frame', _text(self.frame), 'uint8 [H, W, 3]')
        if self.labels.dtype not in (np.uint8, np.uint16) or self.labels.shape != shape[:2]:
            raise SpecFieldError(
                'golden labels', _text(self.labels), f'uint8 or uint16 {list(shape[:2])}'
            )

    def to_json(self) -> str:
        """Return both as lossless PNG in base64, in one line of JSON."""
        frame = cv2.cvtColor(self.frame, cv2.COLOR_RGB2BGR)
        return to_json({'frame': _to_png(frame), 'labels': _to_png(self.labels)})

    @classmethod
    def from_json(cls, text: str) -> 'Golden':
        """Return the golden frame that `to_json` wrote; raise SpecFieldError."""
        try:
            tree = parse_json(text, 'the golden frame')
            frame, labels = _from_png(tree['frame']), _from_png(tree['labels'])
            return cls(np.ascontiguousarray(frame[..., ::-1]), labels)
        except InvalidFrameError as error:
            raise SpecFieldError('golden', str(error), 'two small PNG images in JSON') from error
        except (InvalidTextError, ValueError, KeyError, TypeError) as error:
            raise SpecFieldError('golden', text[:60], 'two PNG images in JSON') from error


def _to_png(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(encode_image(array)).decode('ascii')


def _from_png(text: str) -> npt.NDArray[Any]:
    return decode(base64.b64decode(text), _MAX_PIXELS)


def _text(array: npt.NDArray[Any]) -> str:
    return f'{array.dtype} {list(array.shape)}'
