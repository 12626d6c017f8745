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

"""The limits of a configuration's values, by section.key."""

from collections.abc import Callable
from typing import Any

from swiftnet_ros.model_spec.spec import is_integer, is_license, is_terms, is_text, MAX_SIDE

# (whether a value is allowed, what is expected in words)
ConfigRule = tuple[Callable[[Any], bool], str]

# The smallest sigma of a blurred crop in pixels, and of a noisy one in gray values.
MIN_BLUR_SIGMA, MIN_NOISE_SIGMA = 0.3, 2.0
# The best quality of a compressed crop.
MAX_JPEG_QUALITY = 95

ANYTHING: ConfigRule = (lambda value: True, 'anything')
_POSITIVE: ConfigRule = (lambda value: value > 0, 'a number above 0')
_NOT_NEGATIVE: ConfigRule = (lambda value: value >= 0, 'a number of 0 or more')
_FRACTION: ConfigRule = (lambda value: 0 <= value <= 1, 'a fraction of 0 to 1')
_SIDE: ConfigRule = (
    lambda value: 32 <= value <= MAX_SIDE and value % 8 == 0,
    f'a multiple of 8, 32 to {MAX_SIDE}',
)
# A scaled image of 2048x1024 still fits into memory.
_SCALE: ConfigRule = (lambda value: 0 < value <= 8, 'a factor above 0, up to 8')
# What every random generator takes.
SEED: ConfigRule = (lambda value: 0 <= value < 1 << 32, 'a number of 0 to 4294967295')
# Wider layers than any published network has.
_MAX_WIDTH = 2048

# Names and options are checked where they are looked up.
RULES: dict[str, ConfigRule] = {
    'model.levels': (lambda value: 1 <= value <= 3, '1, 2 or 3'),
    'model.features': (lambda value: 3 <= value <= _MAX_WIDTH, f'a number of 3 to {_MAX_WIDTH}'),
    'model.widths': (
        lambda value: value is None or all(1 <= width <= _MAX_WIDTH for width in value),
        f'null or numbers of 1 to {_MAX_WIDTH}',
    ),
    'model.output_stride': (lambda value: value in (4, 8), '4 or 8'),
    'model.classes': (lambda value: value is None or 1 <= value <= 255, 'null or 1 to 255'),
    'checkpoint.classes': (lambda value: 1 <= len(value) <= 255, '1 to 255 classes'),
    'checkpoint.ignored_source_ids': (lambda value: all(map(is_integer, value)), 'label ids'),
    'checkpoint.trained_on': (is_text, 'one line of text'),
    'checkpoint.license': (is_license, 'SPDX identifiers'),
    'checkpoint.terms': (is_terms, 'one line of text'),
    'checkpoint.height': _SIDE,
    'checkpoint.width': _SIDE,
    'checkpoint.miou': (lambda value: value is None or 0 <= value <= 1, 'a fraction of 0 to 1'),
    'data.height': _SIDE,
    'data.width': _SIDE,
    'data.sources.weight': _POSITIVE,
    'data.val_sources.weight': _POSITIVE,
    'augmentation.crop': _SIDE,
    'augmentation.crop_width': (lambda value: value is None or _SIDE[0](value), _SIDE[1]),
    'augmentation.scale_min': _SCALE,
    'augmentation.scale_max': _SCALE,
    'augmentation.flip': _FRACTION,
    'augmentation.brightness': _NOT_NEGATIVE,
    'augmentation.contrast': _NOT_NEGATIVE,
    'augmentation.saturation': _NOT_NEGATIVE,
    'augmentation.hue': (lambda value: 0 <= value <= 0.5, 'a fraction of 0 to 0.5'),
    'augmentation.grayscale': _FRACTION,
    'augmentation.permute': _FRACTION,
    'augmentation.blur': _FRACTION,
    'augmentation.blur_sigma': (lambda value: MIN_BLUR_SIGMA <= value <= 8, 'pixels, 0.3 to 8'),
    'augmentation.noise': _FRACTION,
    'augmentation.noise_sigma': (
        lambda value: MIN_NOISE_SIGMA <= value <= 64,
        'gray values, 2 to 64',
    ),
    'augmentation.class_mix': _FRACTION,
    'augmentation.whole': _FRACTION,
    'augmentation.tilt': _FRACTION,
    'augmentation.roll': (lambda value: 0 <= value <= 20, 'degrees, 0 to 20'),
    'augmentation.pitch': (lambda value: 0 <= value <= 20, 'degrees, 0 to 20'),
    'augmentation.reflection': _FRACTION,
    'augmentation.dark': _FRACTION,
    'augmentation.dark_gamma': (lambda value: 1 <= value <= 10, 'an exponent of 1 to 10'),
    'augmentation.cast': _FRACTION,
    'augmentation.cast_strength': (lambda value: 0 <= value < 1, 'a fraction of 0 to below 1'),
    'augmentation.jpeg': _FRACTION,
    'augmentation.jpeg_quality': (
        lambda value: 1 <= value <= MAX_JPEG_QUALITY,
        'a quality of 1 to 95',
    ),
    'loss.lovasz': _NOT_NEGATIVE,
    'loss.stride': (lambda value: value in (1, 2, 4), '1, 2 or 4'),
    'loss.exclusion': _NOT_NEGATIVE,
    'class_weights.beta': (lambda value: 0 <= value < 1, 'a number of 0 or more, below 1'),
    'class_weights.limit': (lambda value: value >= 1, 'a number of 1 or more'),
    'sampling.fraction': _FRACTION,
    'sampling.temperature': _POSITIVE,
    'distillation.weight': _POSITIVE,
    'distillation.temperature': _POSITIVE,
    'optimizer.lr': _POSITIVE,
    'optimizer.encoder_factor': _NOT_NEGATIVE,
    'optimizer.weight_decay': _NOT_NEGATIVE,
    'optimizer.betas': (lambda value: all(0 <= beta < 1 for beta in value), 'below 1 each'),
    'optimizer.lr_min': _NOT_NEGATIVE,
    'optimizer.warmup_epochs': _NOT_NEGATIVE,
    'train.epochs': _POSITIVE,
    'train.batch_size': (lambda value: 1 <= value <= 65536, 'a number of 1 to 65536'),
    'train.workers': (lambda value: 0 <= value <= 256, 'a number of 0 to 256'),
    'train.ema_decay': (lambda value: 0 <= value < 1, 'a number of 0 or more, below 1'),
    'seed': SEED,
    'seeds': (lambda value: value and all(map(SEED[0], value)), f'one or more, each {SEED[1]}'),
    'train.seed': SEED,
    'train.evaluate_every': _NOT_NEGATIVE,
    'train.checkpoint_every': _NOT_NEGATIVE,
    'train.frozen_stages': (lambda value: 0 <= value <= 4, 'a number of 0 to 4'),
    'train.keep_steps': (lambda value: all(step >= 0 for step in value), 'numbers of 0 or more'),
}
