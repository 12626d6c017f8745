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

"""Programs keep the memory of one image for the next, unless the user sets otherwise."""

import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
from swiftnet_ros.system.heap import keep_freed_memory

# Three buffers of a 1080p image, as for a received message, freed together; bytearray() zeroes.
IMAGES = """
import resource

def main():
    faults = []
    for _ in range(20):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        images = [bytearray(1920 * 1080 * 3) for _ in range(3)]
        del images
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(sorted(faults)[10])
    return 0
"""
PAGES = 3 * 1920 * 1080 * 3 // os.sysconf('SC_PAGE_SIZE')
WITHOUT = 'import images; images.main()'
COMMAND = 'from swiftnet_ros.system.program import run_command; run_command("images")'
NODE = (
    'import swiftnet_ros.system.limits as limits; limits.check_limits_for_ros = lambda: None\n'
    'from swiftnet_ros.system.program import run_node_program; run_node_program("images")'
)
VARIABLES = ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES')


@pytest.fixture
def page_faults(tmp_path):
    """Return a function that runs a program and returns its page faults for three images."""
    if platform.libc_ver()[0] != 'glibc':
        pytest.skip('the C library is not glibc')
    (tmp_path / 'images.py').write_text(IMAGES)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    base = {name: value for name, value in os.environ.items() if name not in VARIABLES}

    def count(program, **variables):
        environment = {**base, 'PYTHONPATH': path, **variables}
        done = subprocess.run(
            [sys.executable, '-c', program], env=environment, stdout=subprocess.PIPE, check=True
        )
        return int(done.stdout)

    return count


@pytest.mark.parametrize('program', [COMMAND, NODE], ids=['command', 'node'])
def test_images_use_the_memory_of_those_before(page_faults, program):
    assert page_faults(program) < 50


@pytest.mark.parametrize(
    'variables',
    [
        {'MALLOC_MMAP_THRESHOLD_': '131072'},
        {'GLIBC_TUNABLES': 'glibc.malloc.mmap_threshold=131072'},
        {'MALLOC_TRIM_THRESHOLD_': '131072'},
        {'GLIBC_TUNABLES': 'glibc.malloc.trim_threshold=131072'},
    ],
    ids=['mmap', 'mmap tunable', 'trim', 'trim tunable'],
)
def test_a_setting_of_the_user_stays(page_faults, variables):
    """With either threshold as small as by default, memory goes back to the system."""
    assert page_faults(COMMAND, **variables) > PAGES // 2


def test_another_c_library_is_left_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: asked.append(name) or SimpleNamespace())
    keep_freed_memory()
    assert asked == [None]


def test_both_thresholds_are_set(monkeypatch):
    calls = []
    library = SimpleNamespace(mallopt=lambda *given: calls.append(given))
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: library)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    keep_freed_memory()
    # malloc.h: M_MMAP_THRESHOLD is -3, M_TRIM_THRESHOLD is -1.
    assert calls == [(-3, 2**25), (-1, 2**28)]
