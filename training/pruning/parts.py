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

"""The parts of a network that a pruning ratio can be given for."""

import re

# stem and stages as the seminar counts its blocks; everything behind the encoder is the decoder
PARTS = ('stem', 'stage1', 'stage2', 'stage3', 'stage4', 'decoder')
# The seminar's two choices: the first two blocks, and all four.
PRESETS = {'first2': PARTS[:3], 'all': PARTS[:5]}


def part_of(layer: str) -> str:
    """Give the part that a layer belongs to, by its name."""
    stage = re.match(r'encoder\.stages\.(\d+)\.', layer)
    if stage:
        return f'stage{int(stage[1]) + 1}'
    return 'stem' if layer.startswith('encoder.stem') else 'decoder'
