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

import os

import pytest
from swiftnet_ros.core.frame_sources import open_source
from swiftnet_ros.core.image_files import read_image
from swiftnet_ros.errors import InvalidModelError, SwiftnetError
from swiftnet_ros.model_spec import read_model_file
from swiftnet_ros.system.file_reader import read_content, read_regular

# Files of the kernel: the first has no end that memory could hold, the second blocks its reader.
ENDLESS = ['/proc/self/pagemap', '/proc/kmsg']


def test_regular_file_is_read_up_to_the_limit(tmp_path):
    (tmp_path / 'a').write_bytes(b'abcdef')
    assert read_regular(tmp_path / 'a') == b'abcdef'
    assert read_regular(tmp_path / 'a', 4) == b'abcd'


def test_what_is_no_regular_file_raises_at_once(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    for path in (tmp_path / 'pipe', '/dev/zero'):
        with pytest.raises(OSError, match='it is not a regular file'):
            read_regular(path)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)


@pytest.mark.parametrize('name', ENDLESS)
def test_files_of_the_kernel_are_empty(name, tmp_path):
    path = tmp_path / 'link'
    path.symlink_to(name)
    if not os.access(path, os.R_OK):
        pytest.skip(f'{name} is not readable here')
    assert read_content(path, 'table') == b''
    with pytest.raises(InvalidModelError, match='truncated or not an ONNX file'):
        read_model_file(path)
    with pytest.raises(SwiftnetError, match='the file is empty'):
        read_image(path)
    with pytest.raises(SwiftnetError, match='cannot read video .*the file is empty'):
        open_source(str(path), pytest.fail)
