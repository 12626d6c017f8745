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
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping

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
_PRECISIONS = ('fp32', 'bf16', 'fp16', 'int8')
# An engine that predicts fewer of the labels is not the same network.
_LOWEST_AGREEMENT = 0.5


@dataclass(frozen=True, eq=False)
class Golden:
    """
    A frame, uint8 [H, W, 3] in RGB, and its labels, uint8 or uint16 [H, W].

    `min_agreement` has, by precision, the fraction of the labels that a sound engine predicts at
    least; files of earlier versions have none.
    """

    frame: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.unsignedinteger]
    min_agreement: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise SpecFieldError if the arrays are not a frame and its labels, or a value is bad."""
        shape = self.frame.shape
        if self.frame.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise SpecFieldError('golden frame', _text(self.frame), 'uint8 [H, W, 3]')
        if self.labels.dtype not in (np.uint8, np.uint16) or self.labels.shape != shape[:2]:
            raise SpecFieldError(
                'golden labels', _text(self.labels), f'uint8 or uint16 {list(shape[:2])}'
            )
        if not _are_fractions(self.min_agreement):
            expected = f'fractions from {_LOWEST_AGREEMENT} to 1 by {", ".join(_PRECISIONS)}'
            raise SpecFieldError('golden min_agreement', self.min_agreement, expected)

    def to_json(self) -> str:
        """Return both as lossless PNG in base64, in one line of JSON."""
        frame = cv2.cvtColor(self.frame, cv2.COLOR_RGB2BGR)
        tree: Dict[str, Any] = {'frame': _to_png(frame), 'labels': _to_png(self.labels)}
        if self.min_agreement:
            tree['min_agreement'] = dict(self.min_agreement)
        return to_json(tree)

    @classmethod
    def from_json(cls, text: str) -> 'Golden':
        """Return the golden frame that `to_json` wrote; raise SpecFieldError."""
        try:
            tree = parse_json(text, 'the golden frame')
            frame, labels = _from_png(tree['frame']), _from_png(tree['labels'])
            minima = tree.get('min_agreement', {})
            return cls(np.ascontiguousarray(frame[..., ::-1]), labels, minima)
        except InvalidFrameError as error:
            raise SpecFieldError('golden', str(error), 'two small PNG images in JSON') from error
        except (InvalidTextError, ValueError, KeyError, TypeError) as error:
            raise SpecFieldError('golden', text[:60], 'two PNG images in JSON') from error


def _to_png(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(encode_image(array)).decode('ascii')


def _from_png(text: str) -> npt.NDArray[Any]:
    return decode(base64.b64decode(text), _MAX_PIXELS)


def _are_fractions(minima: Any) -> bool:
    return isinstance(minima, Mapping) and all(
        name in _PRECISIONS
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and _LOWEST_AGREEMENT <= value <= 1
        for name, value in minima.items()
    )


def _text(array: npt.NDArray[Any]) -> str:
    return f'{array.dtype} {list(array.shape)}'
