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

"""Color jitter: random brightness, contrast, saturation and hue, chosen by name."""

from collections.abc import Callable
import math
from typing import Any

from swiftnet_ros.errors import UnknownNameError
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from training.schema.config import AugmentationConfig

LUMA = torch.tensor([0.299, 0.587, 0.114])
# RGB to luma and two color differences (NTSC's YIQ), in which hue is an angle.
_YIQ = torch.stack(
    [LUMA, torch.tensor([0.596, -0.274, -0.322]), torch.tensor([0.211, -0.523, 0.312])]
)


class LinearJitter(v2.Transform):  # type: ignore[misc]
    """
    Brightness, contrast, saturation and hue as one affine transform of all colors.

    The same ranges as torchvision's ColorJitter, in this order; hue is rotated in YIQ instead of
    HSV, and values are clamped once, at the end.
    """

    def __init__(self, brightness: float, contrast: float, saturation: float, hue: float) -> None:
        super().__init__()
        self.ranges = (brightness, contrast, saturation)
        self.hue = hue

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw three factors around 1, none below 0, and the hue's rotation in turns."""
        low = torch.tensor([max(0.0, 1 - value) for value in self.ranges])
        high = torch.tensor([1 + value for value in self.ranges])
        factors = (low + (high - low) * torch.rand(3)).tolist()
        turn = self.hue * (2 * float(torch.rand(())) - 1)
        return {'factors': factors, 'turn': turn}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change an image uint8 [3, H, W]; a label is returned as it is."""
        if isinstance(inpt, tv_tensors.Mask):
            return inpt
        brightness, contrast, saturation = torch.tensor(params['factors'])[:, None]
        color = hue_matrices(torch.tensor([params['turn']])) @ saturation_matrices(saturation)
        result = transform_colors(inpt.as_subclass(Tensor)[None], brightness, contrast, color)
        return tv_tensors.wrap(result[0], like=inpt)


COLOR_JITTERS: dict[str, Callable[[float, float, float, float], v2.Transform]] = {
    'hsv': v2.ColorJitter,
    'linear': LinearJitter,
}


def color_jitter(config: AugmentationConfig) -> v2.Transform:
    """Return the color jitter that a configuration names."""
    if config.color not in COLOR_JITTERS:
        raise UnknownNameError('value of augmentation.color', config.color, COLOR_JITTERS)
    strengths = (config.brightness, config.contrast, config.saturation, config.hue)
    return COLOR_JITTERS[config.color](*strengths)


def transform_colors(
    images: Tensor, brightness: Tensor, contrast: Tensor, color: Tensor
) -> Tensor:
    """
    Return images [N, 3, H, W] with transformed colors, as uint8 on the same device.

    They are scaled by the factors of brightness [N], from their mean gray by those of contrast
    [N], then multiplied by the color matrices [N, 3, 3].
    """
    pixels = images.flatten(2).float()
    bright, strong, matrix = (part.to(images.device) for part in (brightness, contrast, color))
    gray = bright * (pixels.mean(2) @ LUMA.to(images.device))
    shift = matrix.sum(2, keepdim=True) * ((1 - strong) * gray)[:, None, None]
    changed = torch.baddbmm(shift, (bright * strong)[:, None, None] * matrix, pixels)
    return changed.round_().clamp_(0, 255).byte().view(images.shape)


def saturation_matrices(factors: Tensor) -> Tensor:
    """Return the matrices [N, 3, 3] that scale the distance of colors from their gray."""
    return torch.lerp(LUMA.expand(3, 3), torch.eye(3), factors[:, None, None])


def hue_matrices(turns: Tensor) -> Tensor:
    """Return the matrices [N, 3, 3] that rotate hues by fractions of a turn and keep the luma."""
    cos, sin = torch.cos(2 * math.pi * turns), torch.sin(2 * math.pi * turns)
    rotations = torch.eye(3).repeat(len(turns), 1, 1)
    rotations[:, 1, 1], rotations[:, 1, 2] = cos, sin
    rotations[:, 2, 1], rotations[:, 2, 2] = -sin, cos
    matrices: Tensor = torch.linalg.solve(_YIQ, rotations @ _YIQ)
    return matrices
