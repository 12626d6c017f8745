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


"""INT8 files of networks with random weights, whose time is all that is asked for."""

from dataclasses import replace
from pathlib import Path

from swiftnet_ros.model_spec import read_model, read_spec, write
from swiftnet_ros.model_spec.qdq import check_pairs
from training.datasets.warehouse import FIRST_SEED
from training.datasets.warehouse_scene import render
from training.quantization.pictures import NetworkInputs, Picture
from training.quantization.quantizer import checked_source, Quantizer

# Scales of random weights say nothing, and do not change the time: a few small pictures will do.
_PICTURES = 2
_METHOD = 'max'


class RenderedPictures:
    """Scenes to calibrate with."""

    def __len__(self) -> int:
        """Count the pictures."""
        return _PICTURES

    def __getitem__(self, index: int) -> Picture:
        """Render one picture."""
        scene = render(FIRST_SEED['train'] + index, 144, 256)
        return Picture(scene.image, None, f'rendered {index}')


def quantize_untrained(source: Path, small: Path, out: Path) -> Path:
    """
    Write the INT8 file of `source` with the ranges of `small`, the same network of another size.

    It has no golden frame: there is nothing that its labels should be.
    """
    spec = read_spec(source)
    quantizer, calibrated = _quantizer(source), _quantizer(small)
    size = read_spec(small).input_height, read_spec(small).input_width
    calibrated.calibrate(NetworkInputs(RenderedPictures(), *size))
    quantizer.statistics = calibrated.statistics
    model = quantizer.model(_METHOD)
    check_pairs(model, source)
    made = {'method': _METHOD, 'source': 'rendered pictures, random weights'}
    write(model, out, replace(spec, precision='int8', calibration=made), None)
    return out


def _quantizer(path: Path) -> Quantizer:
    return Quantizer(checked_source(read_model(path), read_spec(path), path))
