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

"""The child process that builds, with the real builder of tensorrt_rtx, which needs no GPU."""

from importlib.util import find_spec
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Event
from time import monotonic, sleep

from helpers.fake_builder import living
from helpers.small_disk import FULL, on_disk, READ_ONLY
from helpers.tiny_model import write_tiny_model
import pytest
from swiftnet_ros.backends.build_subprocess import run_build
from swiftnet_ros.backends.engine_build import EngineBuild
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt import engine_cache
from swiftnet_ros.backends.tensorrt.engine_cache import build_command, prepared_engine
from swiftnet_ros.backends.tensorrt.engine_file import build_lock, load
from swiftnet_ros.backends.tensorrt.source import file_precision
from swiftnet_ros.errors import (
    BuildProcessError,
    EngineCacheError,
    EngineUnavailableError,
    InvalidValueError,
    ReportedError,
)
from swiftnet_ros.model_spec import read_model_file, read_spec
from swiftnet_ros.model_spec.find_model import find_model

NO_RTX = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'
needs_rtx = pytest.mark.skipif(find_spec('tensorrt_rtx') is None, reason=NO_RTX)


@pytest.fixture(autouse=True)
def module_path(monkeypatch):
    """Let the child import what this process can."""
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(sys.path))


@pytest.fixture
def model(tmp_path):
    """Write a tiny model."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


def rtx(cache, **options):
    """Return the options of engines for a GPU that is not here."""
    given = {'engine_cache': str(cache), 'module': 'tensorrt_rtx', 'compute_capability': '8.6'}
    return BackendOptions(**{**given, **options})


def prepare(model, options):
    """Prepare a model; return the file of its engine, and what it holds."""
    with prepared_engine(read_model_file(model), options, EngineBuild()) as file:
        return file, load(file.path)


@needs_rtx
def test_an_engine_is_built_once_and_found_afterwards(model, tmp_path):
    options = rtx(tmp_path / 'cache')
    file, (engine, sidecar) = prepare(model, options)
    assert file.path.parent == tmp_path / 'cache' and file.build_seconds > 0
    assert len(engine) > 10000 and sidecar.spec == read_spec(model)
    again, _ = prepare(model, options)
    assert (again.path, again.is_built, again.build_seconds) == (file.path, True, None)


@needs_rtx
@pytest.mark.parametrize('fault', ['below a file', FULL, READ_ONLY])
def test_an_engine_that_cannot_be_cached_is_built_into_the_fallback(model, tmp_path, fault):
    memory, disk = tmp_path / 'memory', tmp_path / 'disk'
    memory.mkdir()
    disk.mkdir()
    below = tmp_path / 'tiny.onnx' / 'folder' if fault == 'below a file' else disk
    options = rtx(below / 'cache')
    # The child of `unshare` has the same process number, and so the same parent.
    command = build_command(model, options, memory)
    if fault != 'below a file':
        command = on_disk(fault, disk, command)
    result = run_build(command, lambda message: None, Event())
    engine, sidecar = load(Path(result['engine']))
    assert engine and sidecar.spec == read_spec(model)
    assert Path(result['engine']).parent == memory and not list(disk.iterdir())
    reason = {'below a file': 'Not a directory', FULL: 'the disk has 0 MB left, an engine may '
              'need', READ_ONLY: 'Read-only file system'}[fault]  # fmt: skip
    assert result['warning'].startswith(f'cannot cache engines in {below / "cache"}: {reason}')
    assert result['warning'].endswith('built again at the next start')


@needs_rtx
def test_a_full_fallback_is_one_line(model, tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    command = on_disk(FULL, disk, build_command(model, rtx(disk / 'cache'), disk))
    with pytest.raises(ReportedError, match=f'^cannot cache engines in {disk}: the disk has 0 MB'):
        run_build(command, lambda message: None, Event())


@needs_rtx
@pytest.mark.parametrize('delay', [0.3, 0.5, 0.7, 0.9, 1.1])
def test_signal_at_any_moment_leaves_a_complete_engine_or_none(tmp_path, delay):
    """During imports, build and write: no partial file and no sidecar alone."""
    cache = tmp_path / 'cache'
    command = build_command(find_model('camvid'), rtx(cache), tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        sleep(delay)
        child.send_signal(signal.SIGTERM)
        start = monotonic()
        child.communicate()
        assert monotonic() - start < 1.0
    left = {path.name for path in cache.glob('*')}
    assert not [name for name in left if name.endswith('.partial')]
    engines = [name for name in left if name.endswith('.engine')]
    for name in engines:
        if f'{name}.json' in left:
            load(cache / name)
    assert {f'{name}.json' for name in engines} >= {n for n in left if n.endswith('.json')}


@needs_rtx
def test_the_child_ends_with_a_parent_that_is_killed(model, tmp_path):
    cache = tmp_path / 'cache'
    cache.mkdir(mode=0o700)
    code = (
        'import json, sys\nfrom threading import Event\n'
        'from pathlib import Path\n'
        'from swiftnet_ros.backends.build_subprocess import run_build\n'
        'from swiftnet_ros.backends.options import BackendOptions\n'
        'from swiftnet_ros.backends.tensorrt.engine_cache import build_command\n'
        'options = BackendOptions(**json.loads(sys.argv[1]))\n'
        'command = build_command(Path(sys.argv[2]), options, Path(sys.argv[3]))\n'
        'run_build(command, lambda message: print(message["phase"], flush=True), Event())\n'
    )
    options = json.dumps(vars(rtx(cache)))
    words = [sys.executable, '-c', code, options, str(model), str(tmp_path)]
    # The lock keeps this build from ending by itself.
    with build_lock(cache / 'any.engine'):
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout.readline() == 'waiting for another build\n'
            assert _children(tmp_path)
            node.kill()
        end = monotonic() + 2
        while _children(tmp_path) and monotonic() < end:
            sleep(0.02)
        assert not _children(tmp_path)


def _children(folder):
    """Return the numbers of the running builds with a fallback."""
    return living('swiftnet_ros.build_engine', folder)


def test_a_child_without_its_parent_does_not_start(model):
    words = ['-m', 'swiftnet_ros.build_engine', str(model), '--parent', '1']
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, '', '')


@needs_rtx
def test_precision_that_cannot_be_built_raises(model, tmp_path):
    with pytest.raises(InvalidValueError, match='one of auto, fp32, fp16, int8 with engine tens'):
        prepare(model, rtx(tmp_path / 'cache', precision='bf16'))


@needs_rtx
def test_precision_selects_the_file_of_a_pair():
    expected_files = {'auto': '', 'fp32': 'fp32', 'fp16': 'fp16', 'int8': 'int8'}
    for precision, expected in expected_files.items():
        assert file_precision(rtx('', precision=precision)) == expected


def test_missing_module_raises_before_a_build(model, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(EngineUnavailableError, match="engine 'tensorrt' cannot be used here: "):
        prepare(model, BackendOptions())


def test_cache_of_another_user_is_left_to_the_child(model, monkeypatch):
    """It reports the reason, and builds into the fallback."""

    def not_yours(options):
        raise EngineCacheError('/cache', 'it belongs to user 12, not to you')

    monkeypatch.setattr(engine_cache, 'engines_folder', not_yours)
    monkeypatch.setattr(engine_cache, 'build_command', lambda *given: [sys.executable, '-c', ''])
    with pytest.raises(BuildProcessError, match='without a result'):
        prepare(model, BackendOptions())
