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

"""`ModelSpec`, the description of a model that training writes and the robot reads."""

from dataclasses import asdict, dataclass, fields, MISSING
import json
from math import prod
import re
from typing import Any, Callable, ClassVar, Dict, Iterator, Optional, Tuple

from swiftnet_ros.errors import (
    NonFiniteValueError,
    SpecFieldError,
    SpecVersionError,
    UnknownNameError,
)
from swiftnet_ros.system.json_reader import parse_json
from swiftnet_ros.system.json_text import to_json
from swiftnet_ros.text import is_safe, LIMIT

SPEC_VERSION = 1
MAX_ID = 65535
MAX_SIDE = 16384
MAX_TERMS = 500
# Of the input: pixels; of the logits: values, 8 GB.
_MAX_PIXELS, _MAX_LOGITS = 2**26, 2**31
FITS = ('stretch',)
PRECISIONS = ('fp32', 'fp16', 'int8')
STRIDES = (1, 2, 4, 8, 16, 32)
# In a record of calibration, which names image files.
_LONGEST_PATH = 4096
# Of SPDX: https://spdx.org/licenses, and LicenseRef- for a license that it does not list.
_LICENSE = re.compile(r'[A-Za-z0-9][A-Za-z0-9.+-]*( AND [A-Za-z0-9][A-Za-z0-9.+-]*)*')
_TEXT = f'text of at most {LIMIT} characters without control characters'
LICENSE_HELP = 'license of the weights, such as Apache-2.0, CC-BY-NC-4.0, LicenseRef-Mine'
TERMS_HELP = 'what the license of the weights permits, in a sentence'
_LICENSE_FORM = 'SPDX identifiers, such as Apache-2.0 or LicenseRef-Mine, joined by AND'
_TERMS_FORM = f'text of at most {MAX_TERMS} characters without control characters'


@dataclass(frozen=True)
class SemanticClass:
    """A class: its name and the RGB color, 0 to 255, with which it is drawn."""

    name: str
    rgb: Tuple[int, int, int]

    def __post_init__(self) -> None:
        """Raise SpecFieldError for an empty name or an invalid color."""
        if not is_text(self.name):
            raise SpecFieldError('class name', self.name, _TEXT)
        if not is_color(self.rgb):
            raise SpecFieldError(
                f'rgb of class {self.name!r}', self.rgb, 'three integers from 0 to 255'
            )


@dataclass(frozen=True)
class ModelSpec:
    """
    All that the runtime needs to know about a model, valid from its construction.

    Sizes are in pixels; `output_stride` is input size / logits size. `ignored_source_ids` are
    the label ids that training mapped to `unlabeled_id`. `miou` is a fraction, 0 to 1, on the
    split named in `trained_on`. `widths` has the output channels of layers; `calibration`
    describes how the int8 scales were found. `license` and `terms` are those of the weights:
    SPDX identifiers, and what they permit in a sentence; each is empty if it is not stated.
    """

    version: ClassVar[int] = SPEC_VERSION
    name: str
    classes: Tuple[SemanticClass, ...]
    unlabeled_id: int
    ignored_source_ids: Tuple[int, ...]
    input_height: int
    input_width: int
    output_stride: int
    fit: str
    precision: str
    trained_on: str
    miou: Optional[float]
    widths: Dict[str, int]
    calibration: Optional[Dict[str, Any]]
    license: str = ''  # noqa: A003
    terms: str = ''

    def __post_init__(self) -> None:
        """Raise SpecFieldError for an invalid value."""
        for field, (is_valid, expected) in _FIELD_RULES.items():
            if not is_valid(getattr(self, field)):
                raise SpecFieldError(field, getattr(self, field), expected)
        highest = unlabeled_id_for(len(self.classes))
        if not len(self.classes) <= self.unlabeled_id <= highest:
            raise SpecFieldError(
                'unlabeled_id', self.unlabeled_id, f'{highest}, or any free id below it'
            )
        for field in ('input_height', 'input_width'):
            if getattr(self, field) % self.output_stride:
                raise SpecFieldError(
                    field, getattr(self, field), f'a multiple of the stride {self.output_stride}'
                )

        pixels = self.input_height * self.input_width
        if pixels > _MAX_PIXELS or prod(self.logits_shape) > _MAX_LOGITS:
            expected = f'at most {_MAX_PIXELS} pixels, and {_MAX_LOGITS} logits'
            raise SpecFieldError('input size', (self.input_height, self.input_width), expected)

    @property
    def class_names(self) -> Tuple[str, ...]:
        """Return the names of the classes in the order of their ids."""
        return tuple(item.name for item in self.classes)

    @property
    def colors(self) -> Tuple[Tuple[int, int, int], ...]:
        """Return the RGB colors of the classes in the order of their ids."""
        return tuple(item.rgb for item in self.classes)

    @property
    def logits_shape(self) -> Tuple[int, int, int]:
        """Return the shape [C, h, w] of the logits of one frame."""
        stride = self.output_stride
        return len(self.classes), self.input_height // stride, self.input_width // stride

    def to_json(self) -> str:
        """Return the specification as one line of JSON, without terms that are not stated."""
        tree = {'version': SPEC_VERSION, **asdict(self)}
        return to_json({key: value for key, value in tree.items() if value != ''})

    @classmethod
    def from_json(cls, text: str) -> 'ModelSpec':
        """Return a specification; raise for a newer version, unknown keys and invalid values."""
        tree = _object(text)
        _check_version(tree.pop('version', None))
        known = {field.name: field.default is MISSING for field in fields(cls)}
        for key in tree:
            if key not in known:
                raise UnknownNameError('field of the model specification', key, known)
        for key, is_required in known.items():
            if is_required and key not in tree:
                raise SpecFieldError(key, 'missing', 'a value')
        ids, miou = tree['ignored_source_ids'], tree['miou']
        tree['classes'] = classes_from_tree(tree['classes'])
        tree['ignored_source_ids'] = tuple(ids) if isinstance(ids, list) else ids
        # JSON may hold 1 for 1.0.
        tree['miou'] = float(miou) if is_integer(miou) else miou
        return cls(**tree)


def unlabeled_id_for(classes: int) -> int:
    """Return the id of unlabeled pixels: 255, or 65535 above 255 classes."""
    return 255 if classes <= 255 else MAX_ID


def classes_from_tree(tree: object) -> Tuple[SemanticClass, ...]:
    """Return the classes of a list of `{name, rgb}`, from JSON or YAML; may raise."""
    if not isinstance(tree, list) or not all(isinstance(item, dict) for item in tree):
        raise SpecFieldError('classes', str(tree)[:60], 'a list of {name, rgb}')
    for item in tree:
        for key in item:
            if key not in ('name', 'rgb'):
                raise UnknownNameError('field of a class', key, ('name', 'rgb'))
    colors = [item.get('rgb') for item in tree]
    rgbs = [tuple(color) if isinstance(color, list) else color for color in colors]
    return tuple(SemanticClass(item.get('name'), rgb) for item, rgb in zip(tree, rgbs))


def _object(text: str) -> Dict[str, Any]:
    tree = parse_json(text, 'the model specification')
    if not isinstance(tree, dict):
        raise SpecFieldError('text', text[:60], 'a JSON object')
    return tree


def _check_version(version: Any) -> None:
    if not is_integer(version, 1):
        raise SpecFieldError('version', version, 'an integer of at least 1')
    if version > SPEC_VERSION:
        raise SpecVersionError(version, SPEC_VERSION)


FieldRule = Tuple[Callable[[Any], bool], str]


def is_text(value: Any) -> bool:
    """Return whether a value is text of 1 to 200 characters that can be printed and published."""
    return (
        isinstance(value, str) and len(value) <= LIMIT and bool(value.strip()) and is_safe(value)
    )


def is_license(value: Any) -> bool:
    """Return whether a value is SPDX identifiers, or empty."""
    return value == '' or (is_text(value) and bool(_LICENSE.fullmatch(value)))


def is_terms(value: Any) -> bool:
    """Return whether a value is text of at most 500 characters that can be printed."""
    return isinstance(value, str) and len(value) <= MAX_TERMS and is_safe(value)


def is_integer(value: Any, low: int = 0, high: int = MAX_ID) -> bool:
    """Return whether a value is an integer from low to high, and no bool."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_color(value: Any) -> bool:
    """Return whether a value is a tuple of three integers from 0 to 255."""
    return (
        isinstance(value, tuple) and len(value) == 3 and all(is_integer(x, 0, 255) for x in value)
    )


def _is_side(value: Any) -> bool:
    return is_integer(value, 8, MAX_SIDE) and value % 8 == 0


def _are_classes(value: Any) -> bool:
    if not isinstance(value, tuple) or not 1 <= len(value) < MAX_ID:
        return False
    return len({getattr(item, 'name', None) for item in value} - {None}) == len(value)


def _are_ids(value: Any) -> bool:
    return isinstance(value, tuple) and all(is_integer(item) for item in value)


def _is_miou(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0.0 <= value <= 1.0)


def _are_widths(value: Any) -> bool:
    return isinstance(value, dict) and all(
        is_text(name) and is_integer(channels, 1) for name, channels in value.items()
    )


def _is_json(value: Any) -> bool:
    """Return whether a value is None or a mapping that JSON preserves."""
    try:
        return value is None or (
            isinstance(value, dict)
            and json.loads(to_json(value)) == value
            and all(len(text) <= _LONGEST_PATH and is_safe(text) for text in _texts(value))
        )
    except (TypeError, ValueError, NonFiniteValueError):
        return False


def _texts(tree: Any) -> Iterator[str]:
    """Yield every text in nested mappings and lists, keys included."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        yield from tree
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _texts(item)


_FIELD_RULES: Dict[str, FieldRule] = {
    'name': (is_text, _TEXT),
    'classes': (_are_classes, '1 to 65534 classes of different names'),
    'unlabeled_id': (is_integer, f'an integer from 0 to {MAX_ID}'),
    'ignored_source_ids': (_are_ids, f'integers from 0 to {MAX_ID}'),
    'input_height': (_is_side, f'a multiple of 8 up to {MAX_SIDE}'),
    'input_width': (_is_side, f'a multiple of 8 up to {MAX_SIDE}'),
    'output_stride': (lambda value: is_integer(value) and value in STRIDES, f'one of {STRIDES}'),
    'fit': (lambda value: value in FITS, "'stretch'"),
    'precision': (lambda value: value in PRECISIONS, f'one of {PRECISIONS}'),
    'trained_on': (is_text, _TEXT),
    'miou': (_is_miou, 'null or a fraction from 0 to 1'),
    'widths': (_are_widths, f'numbers of channels by layer name, {_TEXT}'),
    'calibration': (_is_json, 'null or a mapping that JSON can hold, without control characters'),
    'license': (is_license, _LICENSE_FORM),
    'terms': (is_terms, _TERMS_FORM),
}
