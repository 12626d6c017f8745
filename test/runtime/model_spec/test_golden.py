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

"""The golden frame of a model is small, and bounded before it is decoded."""

import base64
import json
from time import thread_time
import zlib

import cv2
from helpers.image_bytes import encoded, png, png_chunk, zeros
import numpy as np
import pytest
from swiftnet_ros.errors import SpecFieldError
from swiftnet_ros.model_spec import Golden

LABELS = encoded('.png', zeros(48, 64, 1))
FRAME = encoded('.png', zeros(48, 64))


def golden_text(frame=FRAME, labels=LABELS):
    """Return the JSON of two images."""
    return json.dumps(
        {
            key: base64.b64encode(content).decode()
            for key, content in (('frame', frame), ('labels', labels))
        }
    )


def test_a_golden_frame_survives_its_json():
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    labels = np.random.default_rng(0).integers(0, 65536, (48, 64), np.uint16)
    read = Golden.from_json(Golden(frame, labels).to_json())
    np.testing.assert_array_equal(read.frame, frame)
    np.testing.assert_array_equal(read.labels, labels)


def with_minima(minima):
    """Return the JSON of a golden frame with `min_agreement`."""
    return json.dumps({**json.loads(golden_text()), 'min_agreement': minima})


def test_minima_survive_the_json_and_files_without_them_have_none():
    minima = {'fp32': 0.99, 'bf16': 0.98, 'fp16': 0.98, 'int8': 0.97}
    golden = Golden(zeros(48, 64), zeros(48, 64)[..., 0], minima)
    assert Golden.from_json(golden.to_json()).min_agreement == minima
    assert Golden.from_json(golden_text()).min_agreement == {}
    assert 'min_agreement' not in Golden.from_json(golden_text()).to_json()
    assert Golden.from_json(with_minima({'int8': 1})).min_agreement == {'int8': 1}


@pytest.mark.parametrize(
    'minima',
    [
        *({'int8': value} for value in (0.0, 0.49, 1.01, -1, 1e300, '0.97', True, None, [0.9])),
        {'int4': 0.9},
        {'': 0.9},
        {'fp32\n': 0.9},
        [0.9],
        0.9,
        'int8',
        None,
    ],
)
def test_minima_out_of_range_are_refused_in_one_short_line(minima):
    with pytest.raises(SpecFieldError, match='golden min_agreement is .*from 0.5 to 1') as caught:
        Golden.from_json(with_minima(minima))
    text = str(caught.value)
    assert len(text) < 400 and '\n' not in text


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        (
            golden_text(png(30000, 30000, rows=b''), LABELS),
            '30000x30000 has more than the 4194304',
        ),
        (
            golden_text(FRAME, png(30000, 30000, 8, 0, rows=b'')),
            'has more than the 4194304 pixels',
        ),
        (golden_text(b'hello' * 10), 'neither JPEG nor PNG'),
        (golden_text(b''), 'neither JPEG nor PNG'),
        (golden_text(FRAME[:-20]), 'damaged PNG'),
    ],
)
def test_images_out_of_bounds_are_refused_before_decoding(monkeypatch, text, reason):
    decoded, decode = [], cv2.imdecode
    monkeypatch.setattr(cv2, 'imdecode', lambda *args: decoded.append(1) or decode(*args))
    with pytest.raises(SpecFieldError, match=reason) as caught:
        Golden.from_json(text)
    assert len(str(caught.value)) < 400
    assert len(decoded) <= 1


@pytest.mark.parametrize(
    'text',
    [
        golden_text(encoded('.png', zeros(48, 64).astype(np.uint16))),
        golden_text(LABELS, LABELS),
        golden_text(FRAME, FRAME),
        golden_text(FRAME, encoded('.png', zeros(47, 64, 1))),
        *(
            '[1, 2]',
            '5',
            'null',
            '{}',
            '{"frame": 5, "labels": 5}',
            '{"frame": "é", "labels": ""}',
        ),
    ],
)
def test_other_images_and_json_are_refused(text):
    with pytest.raises(SpecFieldError, match='golden'):
        Golden.from_json(text)


def test_texts_in_its_images_are_never_inflated():
    text = png_chunk(b'iTXt', b'k\0\1\0\0\0' + zlib.compress(bytes(7_900_000), 9))
    start = thread_time()
    golden = Golden.from_json(golden_text(png(64, 48, before=200 * text), LABELS))
    assert golden.frame.shape == (48, 64, 3)
    # Inflating them takes several seconds.
    assert thread_time() - start < 1
