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

"""Small exported networks to quantize, and images to calibrate them with."""

from pathlib import Path

import cv2
from helpers.tiny_training import tiny_checkpoint
import numpy as np
from swiftnet_ros.model_spec import read_model, read_spec
from training.export import export
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.schema.config import ModelConfig

WIDTHS = [4, 8, 8, 12, 16]
MODELS = {
    'resnet18, two levels': ModelConfig('pyramid', 'resnet18', WIDTHS, 2, 8, 4),
    'mobilenet_v2, one level': ModelConfig('pyramid', 'mobilenet_v2', WIDTHS, 1, 8, 8),
    'single scale': ModelConfig('single_scale', 'resnet18', WIDTHS, features=9, output_stride=4),
}
# The one that compiles fastest.
SMALL = ModelConfig('pyramid', 'resnet18', WIDTHS, 1, 8, 8)
HEIGHT, WIDTH = 64, 96


def export_tiny(folder: Path, model: ModelConfig = SMALL) -> Path:
    """Export a network with random weights and return its path."""
    path = folder / 'tiny.fp32.onnx'
    export(tiny_checkpoint(model), path, 'tiny', HEIGHT, WIDTH)
    return path


def noise_images(count: int, seed: int = 0) -> list[np.ndarray]:
    """Return images of smooth colored noise, uint8 [H, W, 3]."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 8, 12, 3), dtype=np.uint8)
    return [cv2.resize(image, (WIDTH, HEIGHT)) for image in coarse]


def inputs(count: int, seed: int = 0) -> list[tuple[str, np.ndarray]]:
    """Return named network inputs, uint8 [1, H, W, 3]."""
    return [(f'{i}', image[np.newaxis]) for i, image in enumerate(noise_images(count, seed))]


def write_images(folder: Path, count: int) -> Path:
    """Write images without labels into a new folder."""
    folder.mkdir()
    for index, image in enumerate(noise_images(count)):
        cv2.imwrite(str(folder / f'{index:02d}.png'), image)
    return folder


def calibrated(path: Path, count: int = 4) -> Quantizer:
    """Return the calibrated quantizer of an exported network."""
    quantizer = Quantizer(fold_for_quantization(read_model(path), read_spec(path), path))
    quantizer.calibrate(inputs(count))
    return quantizer
