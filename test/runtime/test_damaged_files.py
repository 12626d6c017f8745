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

from random import Random

from helpers.damage import check_reader
from helpers.damaged_files import runtime_kinds

# Compiling a network takes longest.
COUNTS = {'network': 40}


def test_damaged_file_is_read_or_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv('SWIFTNET_ROS_OPENVINO_CACHE', 'off')
    for kind in runtime_kinds(tmp_path):
        random = Random(23)
        count = COUNTS.get(kind.name, 150)
        read = sum(check_reader(kind, random, tmp_path) for _ in range(count))
        # The generator makes both: files that are still valid, and others.
        assert read < count, kind.name
