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

"""Calibrations of resized images, and class names as a message."""

from importlib.util import find_spec
import sys
from types import ModuleType, SimpleNamespace

from helpers.ros_probe import stamped
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from swiftnet_ros.errors import InvalidFrameError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.ros import info_msgs
from swiftnet_ros.ros.info_msgs import pinhole, scaled

POINTS = np.array([[0.3, -0.2, 1.0], [-0.1, 0.15, 2.0], [0.0, 0.0, 1.0]]).T


def stereo(width=640, height=480, **changes):
    """Return the calibration of a right stereo camera, with skew and a baseline."""
    info = pinhole(width, height, 70.0, stamped(1))
    info.k[1], info.p[1], info.p[3] = 0.7, 0.7, -42.0
    info.d = [0.1, -0.2, 0.01, 0.02, 0.003]
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def project(info):
    """Return pixel positions [2, N] of POINTS by P, from the center of the first pixel."""
    image = np.reshape(info.p, (3, 4)) @ np.vstack([POINTS, np.ones(3)])
    return image[:2] / image[2]


def relative(pixels, width, height):
    """Return positions as fractions of width and height, where 0 and 1 are the edges."""
    return (pixels + 0.5) / np.array([[width], [height]])


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_point_keeps_its_relative_position(width, height):
    info = stereo()
    small = scaled(info, width, height)
    assert (small.width, small.height) == (width, height)
    before, after = relative(project(info), 640, 480), relative(project(small), width, height)
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_k_and_p_are_scaled_alike():
    small = scaled(stereo(), 320, 120)
    np.testing.assert_allclose(np.reshape(small.p, (3, 4))[:, :3], np.reshape(small.k, (3, 3)))
    assert small.k[0] == stereo().k[0] / 2 and small.k[4] == stereo().k[4] / 4
    assert small.p[3] == -21.0


def test_the_principal_point_of_an_ideal_camera_stays_in_the_center():
    small = scaled(pinhole(640, 480, 70.0, stamped(1)), 160, 96)
    ideal = pinhole(160, 96, 70.0, stamped(1))
    np.testing.assert_allclose((small.k[2], small.k[5]), (ideal.k[2], ideal.k[5]))


def test_scaling_to_the_same_size_or_back_changes_nothing():
    info = stereo()
    np.testing.assert_array_equal(scaled(info, 640, 480).k, info.k)
    back = scaled(scaled(info, 100, 50), 640, 480)
    np.testing.assert_allclose(back.p, info.p, atol=1e-9)


def test_a_region_of_interest_is_cut_out_first():
    region = RegionOfInterest(x_offset=100, y_offset=60, width=320, height=240, do_rectify=True)
    cut = scaled(stereo(roi=region), 320, 240)
    np.testing.assert_allclose(project(cut), project(stereo()) - [[100], [60]], atol=1e-9)
    assert cut.roi == RegionOfInterest()
    half = scaled(stereo(roi=region), 160, 120)
    np.testing.assert_allclose(
        relative(project(half), 160, 120), relative(project(cut), 320, 240), atol=1e-9
    )


def test_binning_is_part_of_the_scale():
    binned = scaled(stereo(binning_x=2, binning_y=4), 320, 120)
    np.testing.assert_array_equal(binned.p, scaled(stereo(), 320, 120).p)
    assert (binned.binning_x, binned.binning_y) == (0, 0)


def test_what_does_not_depend_on_the_size_is_kept():
    small = scaled(stereo(), 320, 240)
    assert list(small.d) == list(stereo().d) and small.distortion_model == 'plumb_bob'
    np.testing.assert_array_equal(small.r, stereo().r)
    assert small.header == stamped(1)


@pytest.mark.parametrize('value', [np.inf, -np.inf, np.nan, 1e308])
def test_numbers_that_no_calibration_has_warn_nobody(value, recwarn):
    scaled(stereo(k=[value] * 9, p=[value] * 12), 100000, 100000)
    assert not recwarn.list


def test_a_camera_without_calibration_stays_without_one():
    small = scaled(CameraInfo(width=64, height=48), 32, 24)
    assert not small.k.any() and not small.p.any()


@pytest.mark.parametrize('size', [(0, 48), (64, 0), (0, 0)])
def test_a_message_without_a_size_raises(size):
    with pytest.raises(InvalidFrameError, match='camera_info has width or height 0'):
        scaled(CameraInfo(width=size[0], height=size[1]), 32, 24)


@pytest.fixture
def messages(monkeypatch):
    """Install fakes of the messages if vision_msgs is not installed."""
    if find_spec('vision_msgs') is None:
        module = ModuleType('vision_msgs.msg')
        module.LabelInfo = module.VisionClass = SimpleNamespace
        monkeypatch.setitem(sys.modules, 'vision_msgs', ModuleType('vision_msgs'))
        monkeypatch.setitem(sys.modules, 'vision_msgs.msg', module)


def test_every_class_id_has_its_name_and_the_unlabeled_id_has_none(messages, tiny_path, wide_path):
    for path in (tiny_path, wide_path):
        spec = read_spec(path)
        message = info_msgs.label_info(spec, stamped(3))
        table = {item.class_id: item.class_name for item in message.class_map}
        assert table == dict(enumerate(spec.class_names))
        assert spec.unlabeled_id not in table
        assert message.header == stamped(3) and message.threshold == 0.0
