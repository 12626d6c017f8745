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

"""The private folder in memory: gone when it is left, and soon after a crash."""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys

import pytest
from swiftnet_ros.system import files as module
from swiftnet_ros.system.files import memory_folder


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """Take another folder for the memory."""
    monkeypatch.setattr(module, '_MEMORY', tmp_path)
    return tmp_path


def test_it_is_in_memory_and_for_this_user_alone():
    with memory_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700 and folder.stat().st_uid == os.getuid()
        has_room = os.access('/dev/shm', os.W_OK) and module._free(Path('/dev/shm')) >= 1 << 29
        if has_room:
            assert folder.parent == Path('/dev/shm')
        (folder / 'engine').write_bytes(b'engine')
    assert not folder.exists()


def test_it_is_gone_after_an_error_too(parent):
    with pytest.raises(ValueError, match='broken'), memory_folder() as folder:
        raise ValueError('broken')
    assert not folder.exists() and not list(parent.iterdir())


def test_where_there_is_no_memory_file_system_the_temporary_folder_does(monkeypatch, tmp_path):
    monkeypatch.setattr(module, '_MEMORY', tmp_path / 'none')
    monkeypatch.setattr(module.tempfile, 'tempdir', str(tmp_path))
    with memory_folder() as folder:
        assert folder.parent == tmp_path


@pytest.mark.parametrize(('memory', 'disk', 'is_memory'), [
    (1 << 29, 1 << 40, True), (1 << 26, 1 << 30, False), (1 << 26, 1 << 20, True),
])  # fmt: skip
def test_memory_without_room_is_passed_over(tmp_path, monkeypatch, memory, disk, is_memory):
    """As that of a container, 64 MB; unless the disk has less."""
    for name in ('memory', 'disk'):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(module, '_MEMORY', tmp_path / 'memory')
    monkeypatch.setattr(module.tempfile, 'tempdir', str(tmp_path / 'disk'))
    free = {'memory': memory, 'disk': disk}
    monkeypatch.setattr(module, '_free', lambda folder: free[folder.name])
    with memory_folder() as folder:
        assert (folder.parent.name == 'memory') == is_memory


def test_free_space_is_what_the_disk_says(tmp_path):
    assert 0 <= module._free(tmp_path) <= shutil.disk_usage(tmp_path).total


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_no_other(parent):
    """One of another living process stays, and so does what is not of this kind."""
    code = (
        'import sys\nfrom pathlib import Path\nfrom swiftnet_ros import memory_folder\n'
        'memory_folder._MEMORY = Path(sys.argv[1])\n'
        'with memory_folder.memory_folder() as folder:\n'
        '    (folder / "engine").write_bytes(b"engine")\n'
        '    print(folder, flush=True)\n'
        '    input()\n'
    )
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    words = [sys.executable, '-c', code, str(parent)]
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True}
    target = parent / 'home'
    target.mkdir()
    (target / 'owner').touch()
    link = parent / 'swiftnet_ros-link'
    link.symlink_to(target)
    with subprocess.Popen(words, env=environment, **pipes) as killed:
        left = Path(killed.stdout.readline().strip())
        killed.send_signal(signal.SIGKILL)
    assert (left / 'engine').exists()
    with subprocess.Popen(words, env=environment, **pipes) as living:
        kept = Path(living.stdout.readline().strip())
        assert not left.exists()
        with memory_folder() as own:
            assert (kept / 'engine').exists() and own.exists()
        living.stdin.write('\n')
    assert not kept.exists() and (target / 'owner').exists() and link.is_symlink()
