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

"""The child that builds with the real builder of tensorrt_rtx, which needs no GPU for it."""

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
from swiftnet_ros.backends.tensorrt.build_subprocess import run_build
from swiftnet_ros.backends.tensorrt.engine_file import build_lock, load
from swiftnet_ros.errors import (
    EngineCacheError,
    EngineUnavailableError,
    ReportedError,
    UnknownNameError,
)
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.serving import engine_build
from swiftnet_ros.serving.engine_build import BUILDERS, EngineBuild, ModelChoice, tensorrt_builder

NO_RTX = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'
RTX = tensorrt_builder('tensorrt_rtx', '8.6')
needs_rtx = pytest.mark.skipif(find_spec('tensorrt_rtx') is None, reason=NO_RTX)


@pytest.fixture(autouse=True)
def rtx(monkeypatch):
    """Build for the engine `tensorrt` with a module that needs no GPU."""
    monkeypatch.setitem(BUILDERS, 'tensorrt', RTX)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(sys.path))


@pytest.fixture
def choice(tmp_path):
    """Choose TensorRT for a tiny model, with a cache of its own."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    cache = str(tmp_path / 'cache')
    return ModelChoice(str(tmp_path / 'tiny.onnx'), engine='tensorrt', engine_cache=cache)


def get(choice):
    """Get the file of an engine, and what it holds."""
    build = EngineBuild(choice)
    with build.engine_file(build.model()) as file:
        return file, load(file.path)


def command_for(choice, memory):
    """Give the command of the child that builds a choice."""
    return RTX.command(choice, RTX.source(choice), memory)


@needs_rtx
def test_an_engine_is_built_once_and_found_afterwards(choice):
    """Everything but loading it, for which a GPU is needed."""
    file, (engine, sidecar) = get(choice)
    assert file.path.parent == Path(choice.engine_cache) and file.build_seconds > 0
    assert len(engine) > 10000 and sidecar.spec == read_spec(choice.model)
    again, _ = get(choice)
    assert (again.path, again.is_built, again.build_seconds) == (file.path, True, None)


@needs_rtx
@pytest.mark.parametrize('fault', ['below a file', FULL, READ_ONLY])
def test_where_no_engine_can_be_kept_it_comes_through_memory(choice, tmp_path, fault):
    """A cache below a file; a disk that is full; a disk that is read-only."""
    memory, disk = tmp_path / 'memory', tmp_path / 'disk'
    memory.mkdir()
    disk.mkdir()
    below = tmp_path / 'tiny.onnx' / 'folder' if fault == 'below a file' else disk
    choice = ModelChoice(choice.model, engine='tensorrt', engine_cache=str(below / 'cache'))
    # The child of `unshare` has the same process number, and so the same parent.
    command = command_for(choice, memory)
    if fault != 'below a file':
        command = on_disk(fault, disk, command)
    result = run_build(command, lambda message: None, Event())
    engine, sidecar = load(Path(result['engine']))
    assert engine and sidecar.spec == read_spec(choice.model)
    assert Path(result['engine']).parent == memory and not list(disk.iterdir())
    reason = {'below a file': 'Not a directory', FULL: 'the disk has 0 MB left, an engine may '
              'need', READ_ONLY: 'Read-only file system'}[fault]  # fmt: skip
    assert result['warning'].startswith(f'cannot cache engines in {below / "cache"}: {reason}')
    assert result['warning'].endswith('built again at the next start')


@needs_rtx
def test_a_full_memory_too_is_one_line(choice, tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    choice = ModelChoice(choice.model, engine='tensorrt', engine_cache=f'{disk}/cache')
    command = on_disk(FULL, disk, command_for(choice, disk))
    with pytest.raises(ReportedError, match=f'^cannot cache engines in {disk}: No space left'):
        run_build(command, lambda message: None, Event())


@needs_rtx
@pytest.mark.parametrize('delay', [0.3, 0.5, 0.7, 0.9, 1.1])
def test_a_signal_at_any_moment_leaves_a_whole_engine_or_none(tmp_path, delay):
    """In the imports, in the build, while it is written: no half file and no sidecar alone."""
    cache = tmp_path / 'cache'
    model = str(find_model('camvid'))
    choice = ModelChoice(model, engine='tensorrt', precision='best', engine_cache=str(cache))
    with subprocess.Popen(command_for(choice, tmp_path), stdout=subprocess.PIPE) as child:
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
def test_the_child_ends_with_a_node_that_is_killed(choice, tmp_path):
    """Whatever ends the node: nothing goes on building for nobody."""
    cache = Path(choice.engine_cache)
    cache.mkdir(mode=0o700)
    code = (
        'import json, sys\nfrom threading import Event\n'
        'from swiftnet_ros.backends.tensorrt.build_subprocess import run_build\n'
        'from swiftnet_ros.serving.engine_build import tensorrt_builder\n'
        'from swiftnet_ros.serving.engine_build import ModelChoice\n'
        'choice = ModelChoice(**json.loads(sys.argv[1]))\n'
        'builder = tensorrt_builder("tensorrt_rtx", "8.6")\n'
        'command = builder.command(choice, builder.source(choice), sys.argv[2])\n'
        'run_build(command, lambda message: print(message["phase"], flush=True), Event())\n'
    )
    words = [sys.executable, '-c', code, json.dumps(vars(choice)), str(tmp_path)]
    # Somebody else builds, so that this build does not end by itself.
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
    """List the children that live and have a folder for what cannot be kept."""
    return living('swiftnet_ros.backends.tensorrt.build_worker', folder)


def test_a_child_without_its_parent_does_not_begin(choice, tmp_path):
    words = ['-m', 'swiftnet_ros.backends.tensorrt.build_worker', '1', str(tmp_path), '{}']
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, '', '')


@needs_rtx
def test_what_cannot_be_built_is_told_in_the_words_of_the_builder(choice):
    """Here a precision that this module does not make of such a file."""
    wrong = ModelChoice(choice.model, 'tensorrt', 'fp16', engine_cache=choice.engine_cache)
    with pytest.raises(Exception, match='computes as the file says, which is fp32; use'):
        get(wrong)
    with pytest.raises(UnknownNameError, match="'bf16'"):
        get(ModelChoice(choice.model, engine='tensorrt', precision='bf16'))


@needs_rtx
def test_the_precision_of_a_choice_picks_the_file_of_a_pair(monkeypatch, tmp_path):
    """By a shipped name; `auto` is the fastest of what is there."""
    (tmp_path / 'models').mkdir()
    for name in ('pair.int8.onnx', 'pair.fp32.onnx'):
        write_tiny_model(tmp_path / 'models' / name)
    monkeypatch.setattr(
        'swiftnet_ros.model_spec.find_model.share_folders', lambda kind: [tmp_path / 'models']
    )
    for precision, expected in (('fp32', 'pair.fp32.onnx'), ('auto', 'pair.int8.onnx')):
        choice = ModelChoice('pair', engine='tensorrt', precision=precision)
        assert RTX.source(choice).name == expected


def test_without_the_module_it_is_one_line_before_anything_begins(choice, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(EngineUnavailableError, match="engine 'tensorrt' cannot be used here: "):
        tensorrt_builder().source(choice)


@needs_rtx
def test_a_cache_of_somebody_else_is_not_searched(choice, monkeypatch):
    """The child says so; the parent goes on to it."""

    def refuse(request):
        raise EngineCacheError('/cache', 'it belongs to user 12, not to you')

    monkeypatch.setattr(engine_build, 'cached_engine', refuse)
    assert RTX.find(choice, Path(choice.model)) is None
