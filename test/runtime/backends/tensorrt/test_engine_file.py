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

"""Engine files: private, atomic, and checked against their sidecar."""

from dataclasses import replace
import errno
import hashlib
import json
import os
from pathlib import Path
from threading import Event, Thread
from time import sleep

from helpers.tiny_pair import spec
import pytest
from swiftnet_ros.backends.tensorrt.engine_file import (
    build_lock,
    cache_folder,
    engine_path,
    load,
    private_folder,
    read_engine_facts,
    read_sidecar,
    Sidecar,
    sidecar_path,
    store,
)
from swiftnet_ros.backends.tensorrt.identity import EngineIdentity, Machine
from swiftnet_ros.errors import EngineCacheError, EngineFileError

ENGINE = bytes(range(256)) * 4000
IDENTITY = EngineIdentity(
    module='tensorrt',
    tensorrt_version='8.5.2.2',
    gpu_name='Xavier',
    compute_capability='7.2',
    precision='fp16',
    dla=None,
    flags=('recipe 1', 'FP16'),
    model_sha256='ab' * 32,
    calibration_sha256=None,
)
CHANGES = {
    'module': 'tensorrt_rtx',
    'tensorrt_version': '8.6.1',
    'gpu_name': 'Orin',
    'compute_capability': '8.7',
    'precision': 'int8',
    'dla': 0,
    'flags': ('recipe 1', 'INT8', 'FP16'),
    'model_sha256': 'cd' * 32,
    'calibration_sha256': 'ef' * 32,
}


@pytest.fixture
def sidecar() -> Sidecar:
    """Return a sidecar."""
    return Sidecar(
        identity=IDENTITY,
        spec=spec('fp16'),
        golden='{"frame": "x"}',
        engine_sha256=hashlib.sha256(ENGINE).hexdigest(),
        build_seconds=12.5,
        precisions={'conv': 'fp16'},
        dla_fallback=('resize',),
        workspace_mb=64,
        swiftnet_ros='0.1.0',
    )


@pytest.fixture
def path(tmp_path) -> Path:
    """Return the path of an engine."""
    return engine_path(private_folder(tmp_path / 'cache'), IDENTITY, 'camvid')


def test_file_name_has_model_precision_and_key(path):
    assert path.name == f'camvid.fp16.{IDENTITY.key[:16]}.engine'


@pytest.mark.parametrize('field', CHANGES)
def test_every_field_of_the_identity_changes_the_key_and_is_named(field):
    other = replace(IDENTITY, **{field: CHANGES[field]})
    assert other.key != IDENTITY.key
    (told,) = IDENTITY.differences(other)
    assert ' is ' in told
    assert ', the engine was built for ' in told


def test_difference_has_both_values():
    wanted = replace(IDENTITY, gpu_name='Orin', dla=1)
    assert IDENTITY.differences(wanted) == [
        'GPU is Orin, the engine was built for Xavier',
        'DLA core is 1, the engine was built for none',
    ]
    assert IDENTITY.differences(IDENTITY) == []


def test_only_the_machine_matters_to_run_an_engine():
    here = Machine('tensorrt', '8.5.2.2', 'Xavier', '7.2')
    assert IDENTITY.machine_differences(here) == []
    assert IDENTITY.machine_differences(replace(here, tensorrt_version='10.3.0')) == [
        'TensorRT is 10.3.0, the engine was built for 8.5.2.2'
    ]
    any_gpu = replace(IDENTITY, gpu_name='any')
    assert any_gpu.machine_differences(here) == []
    assert any_gpu.machine_differences(replace(here, compute_capability='8.7')) == [
        'compute capability is 8.7, the engine was built for 7.2'
    ]


def test_stored_engine_is_loaded_and_private(path, sidecar):
    store(path, ENGINE, sidecar)
    assert load(path) == (ENGINE, sidecar)
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, f'{path.name}.json']
    assert {item.stat().st_mode & 0o777 for item in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_truncated_or_changed_engine_raises(path, sidecar):
    store(path, ENGINE, sidecar)
    for content in (ENGINE[:-1], b'', ENGINE[:-1] + b'x'):
        path.write_bytes(content)
        with pytest.raises(EngineFileError, match='truncated or changed .SHA-256 .*rebuild it'):
            load(path)


def test_missing_engine_or_sidecar_raises(path, sidecar):
    with pytest.raises(EngineFileError, match='there is no such file'):
        load(path)
    store(path, ENGINE, sidecar)
    sidecar_path(path).unlink()
    with pytest.raises(EngineFileError, match=f'its sidecar {path.name}.json is missing'):
        load(path)


NO_SIDECARS = [
    '',
    '[]',
    '{}',
    '{"version": 1}',
    '{"version": 2}',
    '\xff',
    '5',
    'null',
    '"x"',
    'true',
]
NO_SIDECARS += ['[' * 200_000, '\0' * 500, '{"version": 1, "identity": "x"}']


@pytest.mark.parametrize('text', NO_SIDECARS)
def test_invalid_sidecar_raises(path, sidecar, text):
    store(path, ENGINE, sidecar)
    sidecar_path(path).write_bytes(text.encode('latin-1'))
    with pytest.raises(EngineFileError, match='its sidecar .* cannot be read'):
        read_sidecar(path)


@pytest.mark.parametrize(
    ('key', 'value'),
    [('build_seconds', 'x'), ('precisions', []), ('workspace_mb', None), ('golden', 5)],
)
def test_sidecar_with_a_fact_of_another_type_raises(path, sidecar, key, value):
    store(path, ENGINE, sidecar)
    tree = {**json.loads(sidecar.to_json()), key: value}
    sidecar_path(path).write_text(json.dumps(tree))
    with pytest.raises(EngineFileError, match=f'its sidecar .* {key} is missing or of another'):
        read_sidecar(path)


def test_identity_with_a_number_for_text_raises(path, sidecar):
    store(path, ENGINE, sidecar)
    tree = json.loads(sidecar.to_json())
    tree['identity']['model_sha256'] = 5
    sidecar_path(path).write_text(json.dumps(tree))
    with pytest.raises(EngineFileError, match='a fact of the identity is not text'):
        read_sidecar(path)


def test_sidecar_with_an_invalid_specification_raises(path, sidecar):
    store(path, ENGINE, sidecar)
    text = sidecar.to_json().replace('"fit": "stretch"', '"fit": "crop"')
    sidecar_path(path).write_text(text)
    with pytest.raises(EngineFileError, match="cannot be read .*fit is 'crop'"):
        read_sidecar(path)


def test_cache_folder_is_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.delenv('SWIFTNET_ROS_CACHE', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
    assert cache_folder() == tmp_path / 'home/.cache/swiftnet_ros'
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'xdg'))
    assert cache_folder() == tmp_path / 'xdg/swiftnet_ros'
    monkeypatch.setenv('SWIFTNET_ROS_CACHE', str(tmp_path / 'own'))
    assert cache_folder() == tmp_path / 'own'
    assert (tmp_path / 'own').stat().st_mode & 0o777 == 0o700


def test_folder_that_others_can_write_raises(tmp_path):
    for mode in (0o770, 0o702):
        tmp_path.chmod(mode)
        with pytest.raises(
            EngineCacheError, match=f'others may write in it .chmod 700 {tmp_path}'
        ):
            private_folder(tmp_path)
    tmp_path.chmod(0o755)
    assert private_folder(tmp_path) == tmp_path


@pytest.mark.parametrize('name', ['engine', 'sidecar'])
@pytest.mark.parametrize('read', [load, read_sidecar, read_engine_facts])
def test_engine_that_others_may_have_written_raises(path, sidecar, name, read):
    store(path, ENGINE, replace(sidecar, golden=None))
    file = path if name == 'engine' else sidecar_path(path)
    for mode in (0o620, 0o602):
        file.chmod(mode)
        with pytest.raises(EngineFileError, match=f'others may write to it .chmod go-w {file}'):
            read(path)
    file.chmod(0o644)
    read(path)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12345)
        with pytest.raises(EngineFileError, match='it belongs to user 12345, not to you'):
            read(path)


def test_damaged_golden_frame_of_a_sidecar_raises(path, sidecar):
    store(path, ENGINE, sidecar)
    with pytest.raises(EngineFileError, match='its sidecar .* cannot be read .*golden'):
        read_engine_facts(path)


def test_linked_engine_is_read_with_its_linked_sidecar(path, sidecar, tmp_path):
    store(path, ENGINE, sidecar)
    link = tmp_path / 'current.engine'
    link.symlink_to(path)
    sidecar_path(link).symlink_to(sidecar_path(path))
    assert load(link) == (ENGINE, sidecar)


@pytest.mark.parametrize('kind', ['folder', 'pipe'])
def test_engine_that_is_no_file_raises(path, sidecar, kind):
    (path.mkdir if kind == 'folder' else lambda: os.mkfifo(path))()
    with pytest.raises(EngineFileError, match='it is not a file'):
        load(path)


def test_older_engine_stays_if_the_disk_is_full(path, sidecar, monkeypatch):
    store(path, ENGINE, sidecar)
    real = os.write

    def fail(handle, content):
        if bytes(content[:1]) == b'{':
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content)

    monkeypatch.setattr(os, 'write', fail)
    newer = replace(sidecar, engine_sha256=hashlib.sha256(b'new').hexdigest())
    with pytest.raises(EngineCacheError, match='No space left'):
        store(path, b'new', newer)
    assert load(path) == (ENGINE, sidecar)
    assert sorted(path.parent.iterdir()) == [path, sidecar_path(path)]


def test_folder_that_cannot_be_created_raises(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(EngineCacheError, match='Not a directory; set SWIFTNET_ROS_CACHE'):
        private_folder(tmp_path / 'file' / 'cache')
    with pytest.raises(EngineCacheError, match='/proc/cache: No such file or directory'):
        private_folder(Path('/proc/cache'))


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EROFS])
def test_full_disk_leaves_nothing_behind(path, sidecar, monkeypatch, number):
    real, written = os.write, []

    def fail(handle, content):
        written.append(real(handle, content[:1000]))
        if len(written) > 2:
            raise OSError(number, os.strerror(number))
        return written[-1]

    monkeypatch.setattr(os, 'write', fail)
    with pytest.raises(EngineCacheError, match=os.strerror(number)):
        store(path, ENGINE, sidecar)
    assert len(written) == 3
    assert list(path.parent.iterdir()) == []


def test_one_process_builds_while_the_other_waits(path):
    entered, waits, order = Event(), [], []

    def other():
        entered.wait(10)
        with build_lock(path, lambda: waits.append(1)):
            order.append('other')

    thread = Thread(target=other)
    thread.start()
    with build_lock(path):
        entered.set()
        sleep(0.5)
        assert not waits
        sleep(0.8)
        order.append('first')
    thread.join(10)
    assert order == ['first', 'other']
    assert waits
    assert list(path.parent.iterdir()) == []
