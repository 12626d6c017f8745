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

"""The networks: encoders, decoder modules, and the two SwiftNets by name."""

from swiftnet_ros.errors import UnknownNameError
from torch import nn
from training.models.encoders import ENCODERS
from training.models.swiftnet import PyramidSwiftNet, SingleScaleSwiftNet
from training.schema.config import ModelConfig

VARIANTS: dict[str, type[nn.Module]] = {
    'pyramid': PyramidSwiftNet,
    'single_scale': SingleScaleSwiftNet,
}


def build_model(config: ModelConfig, classes: int) -> nn.Module:
    """Return the network of a configuration with random weights."""
    if config.variant not in VARIANTS:
        raise UnknownNameError('model variant', config.variant, VARIANTS)
    if config.encoder not in ENCODERS:
        raise UnknownNameError('encoder', config.encoder, ENCODERS)
    return VARIANTS[config.variant](config, classes)
