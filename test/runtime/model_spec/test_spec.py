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

"""The specification: round trip, order of keys, and invalid values."""

from dataclasses import FrozenInstanceError, replace
import json

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from swiftnet_ros.errors import (
    InvalidTextError,
    SpecFieldError,
    SpecVersionError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import Golden, ModelSpec, SemanticClass, SPEC_VERSION
from swiftnet_ros.text import is_safe

KEYS = [
    *('version', 'name', 'classes', 'unlabeled_id', 'ignored_source_ids', 'input_height'),
    *('input_width', 'output_stride', 'fit', 'precision', 'trained_on', 'miou', 'widths'),
    'calibration',
]

texts = st.text(max_size=200).filter(is_safe)
names = texts.filter(str.strip)
channels = st.integers(0, 255)
classes = st.lists(
    st.builds(SemanticClass, names, st.tuples(channels, channels, channels)),
    min_size=1,
    max_size=20,
    unique_by=lambda item: item.name,
).map(tuple)
specs = st.builds(
    ModelSpec,
    name=names,
    classes=classes,
    unlabeled_id=st.integers(20, 255),
    ignored_source_ids=st.lists(st.integers(0, 65535)).map(tuple),
    input_height=st.integers(4, 300).map(lambda n: n * 8),
    input_width=st.integers(4, 300).map(lambda n: n * 8),
    output_stride=st.sampled_from([1, 2, 4, 8]),
    fit=st.just('stretch'),
    precision=st.sampled_from(['fp32', 'fp16', 'int8']),
    trained_on=names,
    miou=st.none() | st.floats(0.0, 1.0),
    widths=st.dictionaries(names, st.integers(1, 2048)),
    # JSON is read within 64 bits.
    calibration=st.none()
    | st.dictionaries(texts, st.integers(-(2**63), 2**63 - 1) | texts | st.booleans()),
    license=st.sampled_from(['', 'Apache-2.0', 'CC-BY-NC-4.0 AND LicenseRef-Mine']),
    terms=texts,
)


@given(specs)
def test_json_round_trip_of_any_specification(spec):
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_json_has_the_keys_of_the_contract_in_order(spec_with):
    tree = json.loads(spec_with().to_json())
    assert list(tree) == KEYS
    assert tree['version'] == SPEC_VERSION == 1
    assert tree['classes'][1] == {'name': 'class 1', 'rgb': [1, 2, 3]}


def test_json_has_terms_only_if_they_are_stated(spec_with):
    assert (spec_with().license, spec_with().terms) == ('', '')
    stated = spec_with(license='LicenseRef-Mine', terms='ask the owner')
    tree = json.loads(stated.to_json())
    assert list(tree) == [*KEYS, 'license', 'terms']
    del tree['license']
    assert ModelSpec.from_json(json.dumps(tree)) == replace(stated, license='')


@pytest.mark.parametrize(
    'license_ids',
    ['Apache 2.0', 'Apache-2.0 OR MIT', 'A AND ', '-2.0', 'MIT\n', 'M' * 201, None, 3, ['MIT']],
)
def test_a_license_that_is_no_spdx_identifier_raises(spec_with, license_ids):
    with pytest.raises(SpecFieldError, match='license is .*, expected SPDX identifiers, such as'):
        spec_with(license=license_ids)


@pytest.mark.parametrize('terms', ['two\nlines', '\x1b[31m', 't' * 501, None, {}])
def test_terms_that_cannot_be_logged_raise(spec_with, terms):
    with pytest.raises(SpecFieldError, match='terms is .*, expected text of at most 500'):
        spec_with(terms=terms)


@pytest.mark.parametrize(
    'text',
    ['two\nlines', 'ware\ud800house', 'x\x1b[2J', 'nul\0', 'N' * 201, '\u202eleft'],
)
def test_text_that_cannot_be_printed_or_published_raises(spec_with, text):
    with pytest.raises(SpecFieldError, match='class name is .* without control characters'):
        SemanticClass(text, (0, 0, 0))
    for field, value in (
        ('name', text),
        ('trained_on', text),
        ('widths', {text: 8}),
    ):
        with pytest.raises(SpecFieldError, match=f'{field} is .* without control characters'):
            replace(spec_with(), **{field: value})


@pytest.mark.parametrize('text', ['two\nlines', 'ware\ud800house', 'x\x1b[2J', 'N' * 5000])
def test_text_in_a_record_of_calibration_is_checked_at_every_depth(spec_with, text):
    for record in ({text: 1}, {'images': ['a.png', text]}, {'a': {'b': [{'c': text}]}}):
        with pytest.raises(SpecFieldError, match='calibration is .* without control characters'):
            replace(spec_with(), calibration=record)


def test_json_of_a_hostile_name_is_one_short_line(spec_with):
    tree = json.loads(spec_with().to_json())
    tree['name'] = 'forged\n[FATAL] \x1b[31m' * 100_000
    with pytest.raises(SpecFieldError) as caught:
        ModelSpec.from_json(json.dumps(tree))
    assert is_safe(str(caught.value))
    assert len(str(caught.value)) < 500


def test_names_colors_and_logits_shape(spec_with):
    spec = spec_with(class_count=2)
    assert spec.class_names == ('class 0', 'class 1')
    assert spec.colors == ((0, 2, 3), (1, 2, 3))
    assert spec.logits_shape == (2, 12, 16)


def test_specification_cannot_be_changed(spec_with):
    with pytest.raises(FrozenInstanceError):
        spec_with().name = 'other'


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('name', ''),
        ('name', 3),
        ('classes', ()),
        ('classes', ['class']),
        ('unlabeled_id', 256),
        ('unlabeled_id', 4),
        ('unlabeled_id', True),
        ('ignored_source_ids', [11]),
        ('ignored_source_ids', (-1,)),
        ('input_height', 44),
        ('input_height', 0),
        ('input_width', 64.0),
        ('output_stride', 3),
        ('output_stride', 32),
        ('fit', 'letterbox'),
        ('precision', 'fp8'),
        ('trained_on', ''),
        ('miou', 62.7),
        ('miou', float('nan')),
        ('miou', '0.6'),
        ('widths', {'stem': 0}),
        ('widths', {4: 4}),
        ('widths', None),
        ('calibration', 'entropy'),
        ('calibration', {'scale': float('inf')}),
        ('calibration', {'images': {1, 2}}),
    ],
)
def test_invalid_value_raises_and_names_the_field(spec_with, field, value):
    expected = 'input_height' if (field, value) == ('output_stride', 32) else field
    with pytest.raises(SpecFieldError, match=f'{expected} is .*, expected '):
        replace(spec_with(), **{field: value})


@pytest.mark.parametrize('rgb', [(0, 0), (0, 0, 256), [0, 0, 0], (0, 0, 0.5)])
def test_invalid_color_raises(rgb):
    with pytest.raises(SpecFieldError, match="rgb of class 'road' is "):
        SemanticClass('road', rgb)


def test_two_classes_of_one_name_raise(spec_with):
    twins = (SemanticClass('road', (0, 0, 0)), SemanticClass('road', (1, 1, 1)))
    with pytest.raises(SpecFieldError, match='1 to 65534 classes of different names'):
        spec_with(classes=twins)


@pytest.mark.parametrize(('count', 'unlabeled'), [(1, 255), (255, 255), (256, 65535)])
def test_highest_id_stays_free_for_unlabeled(spec_with, count, unlabeled):
    assert spec_with(class_count=count).unlabeled_id == unlabeled
    with pytest.raises(SpecFieldError, match=f'expected {unlabeled}, or any free id below'):
        spec_with(class_count=count, unlabeled_id=count - 1)


def changed(spec, **changes):
    return json.dumps({**json.loads(spec.to_json()), **changes})


def test_newer_version_raises(spec_with):
    with pytest.raises(SpecVersionError, match='has version 2, .* reads up to 1; update'):
        ModelSpec.from_json(changed(spec_with(), version=2, shape='new'))


@pytest.mark.parametrize('version', [0, True, '1', None])
def test_invalid_version_raises(spec_with, version):
    with pytest.raises(SpecFieldError, match='version is '):
        ModelSpec.from_json(changed(spec_with(), version=version))


def test_unknown_key_raises_with_the_nearest(spec_with):
    with pytest.raises(UnknownNameError, match="'input_hight'; did you mean 'input_height'"):
        ModelSpec.from_json(changed(spec_with(), input_hight=48))


def test_unknown_key_of_a_class_raises(spec_with):
    with pytest.raises(UnknownNameError, match="field of a class 'colour'"):
        ModelSpec.from_json(changed(spec_with(), classes=[{'name': 'a', 'colour': [1, 2, 3]}]))


@pytest.mark.parametrize('key', KEYS)
def test_missing_key_raises(spec_with, key):
    tree = json.loads(spec_with().to_json())
    del tree[key]
    with pytest.raises(SpecFieldError, match=f'{key} is '):
        ModelSpec.from_json(json.dumps(tree))


@pytest.mark.parametrize('text', ['', '{', '[]', 'null'])
def test_text_that_is_no_json_object_raises(text):
    with pytest.raises((SpecFieldError, InvalidTextError), match='JSON'):
        ModelSpec.from_json(text)


@pytest.mark.parametrize('classes', [None, 'road', [['road']], {'name': 'road'}])
def test_invalid_classes_raise(spec_with, classes):
    with pytest.raises(SpecFieldError, match='a list of {name, rgb}'):
        ModelSpec.from_json(changed(spec_with(), classes=classes))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_golden_json_is_lossless(noise, dtype):
    labels = (noise(33, 21)[..., 0].astype(dtype) * 3).astype(dtype)
    golden = Golden(noise(33, 21), labels)
    again = Golden.from_json(golden.to_json())
    assert again.labels.dtype == dtype
    np.testing.assert_array_equal(again.frame, golden.frame)
    np.testing.assert_array_equal(again.labels, golden.labels)


def test_golden_labels_of_another_size_raise(noise):
    with pytest.raises(SpecFieldError, match=r'golden labels is .*, expected .*\[8, 9\]'):
        Golden(noise(8, 9), noise(9, 8)[..., 0])


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"frame": "AAAA", "labels": "AAAA"}'])
def test_golden_json_without_two_images_raises(text):
    with pytest.raises(SpecFieldError, match='golden is '):
        Golden.from_json(text)
