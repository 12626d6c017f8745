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

"""Only what this user or root can have written is trusted, whatever the path leads through."""

import grp
import os
import pwd
from threading import Thread
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from swiftnet_ros.system import private_files
from swiftnet_ros.system.private_files import locked, private_folder, read_private_file

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason='changing an owner needs root')


def refusal(check, path) -> str:
    """Return the reason of the PermissionError, which has the name of the path."""
    with pytest.raises(PermissionError) as caught:
        check(path)
    return caught.value.strerror


def read(path) -> bytes:
    return read_private_file(path, 100)


def test_folder_and_what_is_missing_above_it_are_made_for_this_user(tmp_path):
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / 'a' / 'b' / 'c')
    finally:
        os.umask(before)
    made = (folder, folder.parent, folder.parent.parent)
    assert [path.stat().st_mode & 0o777 for path in made] == [0o700] * 3


@pytest.mark.parametrize('mode', [0o770, 0o707, 0o1777])
def test_folder_that_others_can_write_is_refused(tmp_path, mode):
    tmp_path.chmod(mode)
    assert refusal(private_folder, tmp_path) == f'others may write in it (chmod 700 {tmp_path})'


@pytest.mark.parametrize('is_linked', [False, True])
def test_folder_below_one_that_others_can_write_is_refused(tmp_path, is_linked):
    above = tmp_path / 'open'
    (above / 'own').mkdir(parents=True)
    folder = above / 'own' / 'cache'
    if is_linked:
        (tmp_path / 'link').symlink_to(above / 'own')
        folder = tmp_path / 'link' / 'cache'
    above.chmod(0o757)
    assert refusal(private_folder, folder) == f'others may write in {above}, above it'
    # As in /tmp, nobody can replace the folder of another user.
    above.chmod(0o1777)
    assert private_folder(folder) == folder


@NEEDS_ROOT
def test_folder_of_another_user_or_below_one_is_refused(tmp_path):
    (tmp_path / 'theirs' / 'cache').mkdir(parents=True)
    os.chown(tmp_path / 'theirs', 12345, 12345)
    reason = f'{tmp_path}/theirs, above it, belongs to user 12345'
    assert refusal(private_folder, tmp_path / 'theirs' / 'cache') == reason
    assert refusal(private_folder, tmp_path / 'theirs') == 'it belongs to user 12345, not to you'


def test_folders_of_the_system_are_trusted_in_a_user_namespace(tmp_path, monkeypatch):
    # As `unshare --map-root-user` and rootless containers have it: root owns nothing there.
    for mapped, is_trusted in (('0 1000 1', True), ('0 0 4294967295', False)):
        (tmp_path / 'uid_map').write_text(mapped)
        (tmp_path / 'overflow').write_text(f'{os.stat("/").st_uid}')
        monkeypatch.setattr(private_files, '_UID_MAP', tmp_path / 'uid_map')
        monkeypatch.setattr(private_files, '_OVERFLOW_UID', tmp_path / 'overflow')
        monkeypatch.setattr(private_files, '_ROOT', -2)
        monkeypatch.setattr(private_files.os, 'geteuid', lambda: -3)
        if is_trusted:
            private_files._check_parent('/')
        else:
            assert ', above it, belongs to user' in refusal(private_files._check_parent, '/')
        monkeypatch.undo()


@pytest.mark.parametrize(
    ('name', 'members', 'is_own'),
    [('robot', [], True), ('robot', ['robot'], True), ('robot', ['eve'], False), ('x', [], False)],
)
def test_only_the_users_own_group_may_write_above(tmp_path, monkeypatch, name, members, is_own):
    monkeypatch.setattr(
        pwd, 'getpwuid', lambda _: SimpleNamespace(pw_name='robot', pw_gid=os.getegid())
    )
    group = SimpleNamespace(gr_name=name, gr_gid=os.getegid(), gr_mem=members)
    monkeypatch.setattr(grp, 'getgrgid', lambda _: group)
    tmp_path.chmod(0o775)
    if is_own:
        private_folder(tmp_path / 'cache')
    else:
        assert 'others may write in' in refusal(private_folder, tmp_path / 'cache')


@pytest.mark.parametrize('target', ['own', 'nothing'])
def test_link_in_place_of_a_folder_is_not_followed(tmp_path, target):
    (tmp_path / 'own').mkdir(mode=0o700)
    (tmp_path / 'cache').symlink_to(tmp_path / target)
    with pytest.raises(OSError, match='it is a link|File exists'):
        private_folder(tmp_path / 'cache')
    assert not (tmp_path / 'nothing').exists()


def test_file_of_this_user_is_read(tmp_path):
    (tmp_path / 'file').write_bytes(b'content')
    assert read(tmp_path / 'file') == b'content'


@pytest.mark.parametrize('mode', [0o620, 0o602])
def test_file_that_others_can_write_is_refused(tmp_path, mode):
    path = tmp_path / 'file'
    path.write_bytes(b'')
    path.chmod(mode)
    assert refusal(read, path) == f'others may write to it (chmod go-w {path})'


@NEEDS_ROOT
def test_file_of_another_user_is_refused(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'')
    os.chown(path, 12345, 0)
    assert refusal(read, path) == 'it belongs to user 12345, not to you'


def test_file_is_checked_that_was_opened_and_not_its_path(tmp_path, monkeypatch):
    path, other = tmp_path / 'file', tmp_path / 'other'
    path.write_bytes(b'checked')
    other.write_bytes(b'exchanged')
    check = private_files._check_file

    def exchange(*arguments):
        check(*arguments)
        os.replace(other, path)

    monkeypatch.setattr(private_files, '_check_file', exchange)
    assert read(path) == b'checked'


def test_link_pipe_folder_and_large_file_are_refused(tmp_path):
    (tmp_path / 'file').write_bytes(bytes(101))
    (tmp_path / 'link').symlink_to(tmp_path / 'file')
    os.mkfifo(tmp_path / 'pipe')
    reasons = {name: refusal(read, tmp_path / name) for name in ('link', 'pipe', 'file')}
    assert reasons == {
        'link': 'it is a link',
        'pipe': 'it is not a file',
        'file': 'it is larger than 0 MB',
    }
    assert refusal(read, tmp_path) == 'it is not a file'


def test_only_a_long_wait_for_a_lock_is_reported(tmp_path):
    waits, order = [], []

    def other():
        with locked(tmp_path, lambda: waits.append(monotonic())):
            order.append('other')

    with locked(tmp_path):
        start = monotonic()
        waiting = Thread(target=other)
        waiting.start()
        sleep(1.4)
        order.append('first')
    waiting.join(10)
    assert order == ['first', 'other'] and waits[0] - start > 1


@pytest.mark.parametrize('kind', ['dangling', 'link'])
def test_link_in_place_of_a_lock_is_not_followed(tmp_path, kind):
    lock, target = tmp_path / 'lock', tmp_path / 'target'
    lock.symlink_to(target)
    if kind == 'link':
        target.write_text('precious')
    with pytest.raises(OSError, match='symbolic links'), locked(lock):
        pass
    assert target.exists() == (kind == 'link')


def test_wait_for_a_lock_ends(tmp_path):
    held = pytest.raises(TimeoutError, match='another process holds its lock')
    with locked(tmp_path), held, locked(tmp_path, timeout_s=0.1):
        pass
