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


"""What a family does on a second data set, which has classes of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.config import Config, config_from_tree
from training.typed import build


@dataclass(frozen=True)
class Transfer:
    """
    Runs on a second data set.

    `train` is their configuration; `arms` gives for each the run whose weights it starts from:
    dense, one of the family's arms, or null for random ones.
    """

    train: Config
    arms: Mapping[str, str | None]


@dataclass(frozen=True)
class _Plain:
    train: dict[str, Any]
    arms: dict[str, str | None] = field(default_factory=dict)


def transfer_from_tree(tree: dict[str, Any]) -> Transfer:
    """Make it from the section of a family's file."""
    plain = build(_Plain, tree, 'transfer.')
    return Transfer(config_from_tree({'name': 'transfer', **plain.train}), plain.arms)
