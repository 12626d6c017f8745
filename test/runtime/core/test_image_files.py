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

"""Images as BGR of 8 bits, and label images as class ids, from files of any kind and name."""

import os
import struct
import sys
import zlib

import cv2
import numpy as np
from PIL import Image
import pytest
from swiftnet_ros.core.image_files import exif_orientation, read_ids, read_image, read_label
from swiftnet_ros.errors import (
    LabelFormatError,
    LabelIdError,
    SizeMismatchError,
    UnreadableFileError,
)

IDS = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [0, 0, 1, 3]], np.uint8)
# A palette of which two colors are equal, so that colors do not determine the indices.
PALETTE = [9, 9, 9, 200, 0, 0, 9, 9, 9, 0, 0, 200]
ODD_NAMES = [b'\xff\xfe.png', b'a\nb.png', b'%d.png', b'a b.png', 'ä漢.png'.encode(), b'-.png']


def test_image_is_read_as_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), np.full((2, 3, 3), (0, 0, 255), np.uint8))
    frame = read_image(tmp_path / 'red.png')
    assert frame.channel_order == 'bgr'
    assert frame.pixels.tolist() == [[[0, 0, 255]] * 3] * 2


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.bmp', '.ppm', '.webp', '.jp2', '.jpg'])
def test_images_of_all_formats_are_read(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), np.full((64, 64, 3), (10, 100, 200), np.uint8))
    assert np.abs(read_image(path).pixels - np.array([10, 100, 200.0])).max() < 4


@pytest.mark.parametrize(
    ('pixels', 'expected'),
    [
        (np.full((2, 3), 77, np.uint8), [77, 77, 77]),
        (np.full((2, 3, 4), (10, 20, 30, 0), np.uint8), [10, 20, 30]),
        # rounded, as a camera's 16 bits are
        (np.full((2, 3, 3), (0, 257 * 99 + 200, 65535), np.uint16), [0, 100, 255]),
        (np.full((2, 3), 257 * 7, np.uint16), [7, 7, 7]),
    ],
)
def test_gray_alpha_and_16_bits_become_8_bit_bgr(tmp_path, pixels, expected):
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    frame = read_image(tmp_path / 'a.png')
    assert frame.pixels.dtype == np.uint8 and frame.pixels.tolist() == [[expected] * 3] * 2


def test_palette_and_one_bit_images_are_read_as_colors(tmp_path):
    image = Image.fromarray(IDS)
    image.putpalette(PALETTE)
    image.save(tmp_path / 'a.png')
    assert read_image(tmp_path / 'a.png').pixels[0, 1].tolist() == [0, 0, 200]
    Image.fromarray(IDS > 0).save(tmp_path / 'b.png')
    assert read_image(tmp_path / 'b.png').pixels[0, :2, 0].tolist() == [0, 255]


@pytest.mark.parametrize('name', ODD_NAMES)
def test_files_of_any_name_are_read(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(cv2.imencode('.png', IDS)[1].tobytes())
    assert read_image(path).pixels[..., 0].tolist() == IDS.tolist()
    assert read_ids(path).tolist() == IDS.tolist()


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_exif_orientation_is_ignored(tmp_path, suffix, orientation):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8] = 200
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f'a{suffix}'
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    frame = read_image(path)
    assert (frame.height, frame.width) == (16, 32)
    assert frame.pixels[2].mean() > 190 and frame.pixels[-2].mean() < 10
    assert exif_orientation(path) == orientation


@pytest.mark.parametrize('content', [b'', b'no image'])
def test_file_that_is_no_image_is_one_line_with_its_name(tmp_path, content, capfd):
    path = tmp_path / 'a.png'
    path.write_bytes(content)
    for read in (read_image, read_ids):
        with pytest.raises(UnreadableFileError, match=r'cannot read (label )?image .*a\.png[:;] '):
            read(path)
        with pytest.raises(UnreadableFileError, match='Is a directory'):
            read(tmp_path)
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.tif', '.webp', '.ppm'])
def test_part_of_an_image_is_unreadable(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    content = cv2.imencode(suffix, noise)[1].tobytes()
    for length in (len(content) // 2, len(content) - 100):
        (tmp_path / f'a{suffix}').write_bytes(content[:length])
        with pytest.raises(UnreadableFileError, match='cannot read image'):
            read_image(tmp_path / f'a{suffix}')


def test_cut_jpeg_with_a_whole_thumbnail_is_unreadable(tmp_path):
    thumbnail = cv2.imencode('.jpg', IDS)[1].tobytes()
    segment = b'\xff\xe1' + struct.pack('>H', len(thumbnail) + 2) + thumbnail
    content = cv2.imencode('.jpg', np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    whole = content[:2] + b'\xff' + segment + content[2:]
    path = tmp_path / 'a.jpg'
    path.write_bytes(whole + b'\xff\xda appended by a phone')
    assert read_image(path).pixels.shape == (64, 64, 3)
    path.write_bytes(whole[:-2])
    with pytest.raises(UnreadableFileError, match='the end of the JPEG is missing'):
        read_image(path)


def test_floating_point_images_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tif'), np.zeros((4, 4, 3), np.float32))
    with pytest.raises(UnreadableFileError, match='float32 pixels; store unsigned 8 or 16 bits'):
        read_image(tmp_path / 'a.tif')


@pytest.mark.parametrize('bits', [2, 4, 8])
@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.gif', '.tif'])
def test_indices_of_a_palette_are_the_ids(tmp_path, suffix, bits):
    image = Image.fromarray(IDS)
    image.putpalette(PALETTE)
    path = tmp_path / f'a{suffix}'
    image.save(path, **({'bits': bits, 'transparency': 0} if suffix == '.png' else {}))
    assert read_ids(path).tolist() == IDS.tolist()


def test_one_bit_is_0_or_1(tmp_path):
    for name in ('a.png', 'a.tif', 'a.bmp'):
        Image.fromarray(IDS > 0).save(tmp_path / name)
        ids = read_ids(tmp_path / name)
        assert ids.dtype == np.uint8 and ids.tolist() == (IDS > 0).astype(int).tolist()


@pytest.mark.parametrize(('bits', 'row'), [(2, b'\x1b'), (4, b'\x01\x23')])
def test_gray_of_few_bits_is_not_scaled(tmp_path, bits, row):
    (tmp_path / 'a.png').write_bytes(_one_row_png(4, bits, _GRAY, row))
    assert read_ids(tmp_path / 'a.png').tolist() == [[0, 1, 2, 3]]
    (tmp_path / 'a.tif').write_bytes(_one_row_tiff(4, bits, row))
    assert read_ids(tmp_path / 'a.tif').tolist() == [[0, 1, 2, 3]]


def test_16_bits_with_alpha_are_no_ids(tmp_path):
    row = b'\x00\x01\xff\xff' * 2
    (tmp_path / 'a.png').write_bytes(_one_row_png(2, 16, _GRAY_ALPHA, row))
    with pytest.raises(LabelFormatError, match='colors or transparency'):
        read_ids(tmp_path / 'a.png')


_GRAY, _GRAY_ALPHA = 0, 4


def _one_row_tiff(width, bits, row):
    """Return a gray TIFF without compression."""
    tags = [(256, width), (257, 1), (258, bits), (259, 1), (262, 1), (273, 8), (278, 1)]
    tags.append((279, len(row)))
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags)
    data = row.ljust(8, b'\0')
    return (
        b'II*\0'
        + struct.pack('<I', 8 + len(data))
        + data
        + struct.pack('<H', len(tags))
        + entries
        + bytes(4)
    )


def _one_row_png(width, bits, kind, row):
    """Return a PNG with one row of pixels of a color type."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', checksum)

    header = struct.pack('>IIBBBBB', width, 1, bits, kind, 0, 0, 0)
    data = zlib.compress(b'\0' + row)
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        chunk(*item) for item in ((b'IHDR', header), (b'IDAT', data), (b'IEND', b''))
    )


def test_gray_with_opaque_alpha_is_ids(tmp_path):
    path = tmp_path / 'a.png'
    Image.fromarray(np.dstack([IDS, np.full_like(IDS, 255)]), 'LA').save(path)
    assert read_ids(path).tolist() == IDS.tolist()
    Image.fromarray(np.dstack([IDS, IDS]), 'LA').save(path)
    with pytest.raises(LabelFormatError, match='colors or transparency .LA.'):
        read_ids(path)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_16_bit_ids_are_kept(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), IDS.astype(np.uint16) * 20000)
    assert read_ids(path).dtype == np.uint16
    assert read_ids(path).tolist() == (IDS.astype(int) * 20000).tolist()


def test_labels_above_the_limit_of_pillow_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1)
    path = written(tmp_path / 'a.png', IDS)
    assert read_ids(path).tolist() == IDS.tolist() and Image.MAX_IMAGE_PIXELS == 1


def test_pixels_that_are_no_ids_say_what_to_do(tmp_path):
    path = tmp_path / 'a.png'
    ids = IDS.astype(np.int32)
    integers = 'expected ids; save integers of 8 or 16 bits'
    kinds = [
        (np.dstack([IDS] * 3), 'PNG', r'colors or transparency \(RGB\).*; replace each color by'),
        (IDS.astype(np.float32), 'TIFF', f'float32 numbers, {integers}'),
        (ids - 1, 'TIFF', f'values -1 to 2, {integers}'),
        (ids * 30000, 'TIFF', f'values 0 to 90000, {integers}'),
        (IDS, 'JPEG', 'JPEG compression, expected ids; it changes them: export PNG'),
    ]
    for pixels, kind, text in kinds:
        Image.fromarray(pixels).save(path, kind)
        with pytest.raises(LabelFormatError, match=f'label image .*a.png has {text}'):
            read_ids(path)


def written(path, ids, dtype=np.uint8):
    """Write ids [H, W] as a PNG and return its path."""
    cv2.imwrite(str(path), np.array(ids, dtype))
    return path


def test_ignored_ids_become_unlabeled(tmp_path, spec_with):
    """Source id 11 of CamVid is void; 255 is unlabeled everywhere."""
    path = written(tmp_path / 'a.png', [[0, 4, 11], [255, 2, 3]])
    ids = read_label(path, spec_with(ignored_source_ids=(11,)), (2, 3))
    assert ids.tolist() == [[0, 4, 255], [255, 2, 3]] and ids.dtype == np.uint8


def test_ignored_id_that_is_a_class_stays_the_class(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    assert read_label(path, spec_with(ignored_source_ids=(0,)), (1, 2)).tolist() == [[0, 1]]


def test_16_bit_labels_have_65535_for_unlabeled(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[299, 65535, 255]], np.uint16)
    ids = read_label(path, spec_with(class_count=300, ignored_source_ids=()), (1, 3))
    assert ids.tolist() == [[299, 65535, 255]]


def test_error_names_all_ids_outside_the_class_table(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 5, 40, 11]])
    with pytest.raises(
        LabelIdError, match=r'a\.png contains label ids 5, 40, the class table has 0'
    ):
        read_label(path, spec_with(), (1, 4))


def test_label_of_another_size_or_kind_raises(tmp_path, spec_with):
    path = written(tmp_path / 'a.png', [[0, 1]])
    with pytest.raises(SizeMismatchError, match='2x1 pixels, expected 4x3'):
        read_label(path, spec_with(), (3, 4))
    with pytest.raises(LabelFormatError, match='a.png has colors or transparency'):
        read_label(written(path, np.zeros((1, 2, 3))), spec_with(), (1, 2))
    path.write_bytes(b'no image')
    with pytest.raises(UnreadableFileError, match='cannot read label image'):
        read_label(path, spec_with(), (1, 2))


def test_size_mismatch_names_the_exif_orientation(tmp_path, spec_with):
    exif = Image.Exif()
    exif[0x112] = 6
    image, path = tmp_path / 'a.jpg', written(tmp_path / 'a.png', np.zeros((4, 3)))
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(image, exif=exif)
    with pytest.raises(SizeMismatchError, match=r'3x4 .* 4x3 .*EXIF orientation 6 of .*a\.jpg'):
        read_label(path, spec_with(), (3, 4), image)
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(image)
    with pytest.raises(SizeMismatchError, match=r'expected 4x3 \(width x height\)$'):
        read_label(path, spec_with(), (3, 4), image)


def test_without_pillow_only_gray_png_is_read(tmp_path, monkeypatch):
    written(tmp_path / 'gray.png', [[0, 7], [300, 2]], np.uint16)
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), 'P')
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / 'palette.png')
    monkeypatch.setitem(sys.modules, 'PIL', None)
    assert read_ids(tmp_path / 'gray.png').tolist() == [[0, 7], [300, 2]]
    with pytest.raises(UnreadableFileError, match='palette.png: .*pip install pillow'):
        read_ids(tmp_path / 'palette.png')
    assert exif_orientation(tmp_path / 'gray.png') == 1


@pytest.mark.parametrize('end', [60, 200, -100])
def test_cut_gray_png_is_unreadable(tmp_path, end):
    path = tmp_path / 'cut.png'
    written(path, np.random.default_rng(0).integers(0, 9, (64, 64)))
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(UnreadableFileError, match='cut.png'):
        read_ids(path)


def test_damaged_gray_png_is_unreadable(tmp_path):
    path = tmp_path / 'damaged.png'
    written(path, np.random.default_rng(0).integers(0, 9, (64, 64)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r'damaged.png'):
        read_ids(path)
