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

"""NVRTC compiles the CUDA kernels for the Jetsons, without a GPU."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from swiftnet_ros.backends.cuda import nvrtc
from swiftnet_ros.backends.cuda.kernels import SIGNATURES, SOURCE
from swiftnet_ros.errors import EngineUnavailableError, UnexpectedError

NOT_INSTALLED = 'nvidia-cuda-nvrtc-cu11 is not installed here: scripts/test.sh brings it'


@pytest.fixture(scope='module')
def cuda_11():
    """Return the NVRTC of CUDA 11, which supports the Xavier."""
    spec = find_spec('nvidia')
    folders = spec.submodule_search_locations if spec else ()
    for folder in folders:
        for path in Path(folder).glob('cuda_nvrtc/lib/libnvrtc.so.11*'):
            return nvrtc.Nvrtc(str(path))
    return pytest.skip(NOT_INSTALLED)


@pytest.mark.parametrize('capability', [72, 87])
def test_the_kernels_compile_for_xavier_and_orin(cuda_11, capability):
    code = cuda_11.compile(SOURCE.read_text(), capability)
    assert code.startswith(b'\x7fELF') and len(code) > 10_000
    for name in SIGNATURES:
        assert f'.text.{name}\0'.encode() in code


def test_a_gpu_newer_than_nvrtc_gets_ptx(cuda_11):
    newest = max(cuda_11.capabilities())
    code = cuda_11.compile(SOURCE.read_text(), newest + 30)
    assert f'.target sm_{newest}'.encode() in code
    assert code.endswith(b'\0')


def test_a_compile_error_is_one_line(cuda_11):
    source = SOURCE.read_text().replace('int pitch,', 'int pitsch,', 1)
    with pytest.raises(UnexpectedError, match='cannot compile .*"pitch" is undefined') as error:
        cuda_11.compile(source, 72)
    assert '\n' not in str(error.value)


def test_the_first_nvrtc_that_supports_the_gpu_is_used(cuda_11, monkeypatch):
    class FakeNvrtc:
        """A library; `new` no longer supports the Xavier, `absent` does not load."""

        def __init__(self, path):
            if path == 'absent':
                raise OSError(path)
            self.path = path

        def capabilities(self):
            return [75, 120] if self.path == 'new' else [50, 72]

        def compile(self, source, capability):  # noqa: A003
            return f'{self.path} {capability}'.encode()

    monkeypatch.setattr(nvrtc, 'Nvrtc', FakeNvrtc)
    monkeypatch.setattr(nvrtc, 'library_paths', lambda: iter(['absent', 'new', 'old']))
    assert nvrtc.compile_for('', (7, 2)) == b'old 72'
    assert nvrtc.compile_for('', (8, 7)) == b'new 87'
    assert nvrtc.compile_for('', (12, 1)) == b'new 121'
    monkeypatch.setattr(nvrtc, 'library_paths', lambda: iter(['new']))
    with pytest.raises(EngineUnavailableError, match='capability 7.2; .*nvidia-cuda-nvrtc-cu11'):
        nvrtc.compile_for('', (7, 2))


def test_the_library_of_a_wheel_is_found(cuda_11):
    assert any('cuda_nvrtc/lib/libnvrtc.so.11' in path for path in nvrtc.library_paths())
