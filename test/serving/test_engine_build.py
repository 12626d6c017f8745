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

"""Which file an engine opens, and what is said while it is built."""

from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

from helpers.fake_builder import builders, fake
from helpers.fake_engines import GatedEngine
from helpers.tiny_model import write_tiny_model
import numpy as np
import pytest
from swiftnet_ros.backends import registry
from swiftnet_ros.errors import BuildCancelledError, ReportedError, SelfCheckError
from swiftnet_ros.model_spec import Golden, read_golden, read_model, read_spec, write_model
from swiftnet_ros.serving import engine_build
from swiftnet_ros.serving.engine_build import EngineBuild, EngineFile, ModelChoice, progress_text
from swiftnet_ros.serving.model_loader import load_model


@pytest.fixture
def model(tmp_path):
    """Give a tiny model."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


@pytest.fixture
def built(monkeypatch, tmp_path):
    """Give a function that enters a fake builder for the engine `gated`."""
    monkeypatch.setitem(registry.ENGINES, 'gated', 'helpers.fake_engines:GatedEngine')
    GatedEngine.reset()
    (tmp_path / 'cache').mkdir()

    def enter(*options, **given):
        builder = fake(tmp_path / 'cache', *options, **given)
        monkeypatch.setitem(engine_build.BUILDERS, 'gated', builder)
        return tmp_path / 'cache'

    yield enter
    GatedEngine.reset()


def test_an_engine_that_opens_the_model_itself_builds_nothing(model):
    build = EngineBuild(ModelChoice('x', engine='openvino'))
    with build.engine_file(model) as file:
        assert file == EngineFile('openvino', model)
        assert build.is_over and build.status == ''


def test_an_engine_file_is_opened_as_it_is(built, tmp_path):
    built('--fail', 'must not be called')
    build = EngineBuild(ModelChoice('a.engine', engine='gated'))
    with build.engine_file(Path('a.engine')) as file:
        assert file == EngineFile('gated', Path('a.engine'))


def test_what_is_in_the_cache_is_used_at_once(built, model, tmp_path):
    seen = []
    built(found=tmp_path / 'there.built', seen=seen)
    with EngineBuild(ModelChoice('x', engine='gated')).engine_file(model) as file:
        assert file == EngineFile('gated', tmp_path / 'there.built', is_built=True)
    assert not seen


def test_an_engine_that_is_not_there_is_built_from_the_model_and_opened(built, model):
    seen = []
    cache = built(seen=seen)
    choice = ModelChoice(str(model), engine='gated', precision='int8', dla=1)
    loaded = load_model(choice)
    assert loaded.file.path == cache / 'tiny.built'
    assert (loaded.file.is_built, loaded.file.build_seconds) == (True, 61.4)
    assert (loaded.path, loaded.engine.name) == (model, 'gated')
    assert [item[:2] for item in seen] == [(choice, model)]
    loaded.engine.close()


def test_what_the_cache_cannot_keep_comes_through_memory_and_leaves_nothing(built, model):
    seen = []
    cache = built('memory', '--warning', 'the disk is full', seen=seen)
    loaded = load_model(ModelChoice(str(model), engine='gated'))
    assert loaded.file.warning == 'the disk is full' and loaded.spec == read_spec(model)
    ((_, _, memory),) = seen
    assert loaded.file.path.parent == memory and not memory.exists() and not list(cache.iterdir())
    loaded.engine.close()


def test_a_build_that_fails_leaves_nothing_in_memory(built, model):
    seen = []
    built('--fail', 'TensorRT has no Einsum', seen=seen)
    with pytest.raises(ReportedError, match='^TensorRT has no Einsum$'):
        load_model(ModelChoice(str(model), engine='gated'))
    assert not seen[0][2].exists() and GatedEngine.open_engines == 0


def test_the_status_says_what_is_built_and_how_far_it_is(built, model):
    cache = built('--steps', '20')
    choice = ModelChoice(str(model), engine='gated', precision='int8')
    build = EngineBuild(choice)
    assert (build.status, build.is_over) == ('', False)
    heard = _statuses(build, lambda: load_model(choice, build).engine.close())
    assert any(
        text.startswith('building engine gated of tiny.onnx in int8: tactics, 5')
        and text.endswith(' %, 1 s, the last build took 90 s')
        for text in heard
    ), heard
    assert (build.status, build.is_over) == ('', True) and (cache / 'tiny.built').exists()


def test_a_build_can_be_called_off_from_another_thread(built, model):
    seen = []
    cache = built('--steps', '2000', seen=seen)
    choice, errors = ModelChoice(str(model), engine='gated'), []
    build = EngineBuild(choice)

    def load():
        try:
            load_model(choice, build)
        except BuildCancelledError as error:
            errors.append(error)

    thread = Thread(target=load)
    thread.start()
    while '%' not in build.status:
        sleep(0.01)
    assert builders(cache) and not build.is_over
    start = monotonic()
    build.cancel()
    thread.join()
    assert monotonic() - start < 1.0 and len(errors) == 1
    assert build.is_over and not builders(cache) and not seen[0][2].exists()


def test_a_build_that_was_called_off_before_does_not_begin(built, model):
    seen = []
    built(seen=seen)
    choice = ModelChoice(str(model), engine='gated')
    build = EngineBuild(choice)
    build.cancel()
    with pytest.raises(BuildCancelledError, match='cancelled'):
        load_model(choice, build)
    assert not seen


@pytest.mark.parametrize(('precision', 'is_sound'), [('int8', True), ('fp16', False)])
def test_an_engine_in_int8_may_differ_more_even_if_its_model_is_float(
    built, model, monkeypatch, precision, is_sound
):
    """The agreement is 0.96 here: all zeros but for class 0, which 96 of 100 pixels have."""
    built()
    monkeypatch.setattr(GatedEngine, 'precision', precision)
    loaded, spec = read_model(model), read_spec(model)
    _write_golden(loaded, model, spec)
    choice = ModelChoice(str(model), engine='gated')
    if is_sound:
        opened = load_model(choice)
        assert opened.agreement == 0.96
        opened.engine.close()
    else:
        with pytest.raises(SelfCheckError, match='0.96000 of .* at least 0.98'):
            load_model(choice)
    assert GatedEngine.open_engines == 0


@pytest.mark.parametrize(
    ('progress', 'text'),
    [
        ({}, '7 s'),
        ({'phase': '', 'fraction': None}, '7 s'),
        ({'phase': 'calibrating', 'last_build_s': 120.4}, 'calibrating, 7 s, the last build took '
                                                          '120 s'),
        ({'phase': 'tactics', 'fraction': 0.345}, 'tactics, 34 %, 7 s'),
    ],
)  # fmt: skip
def test_progress_is_told_as_far_as_it_is_known(progress, text):
    assert progress_text(progress, 7.2) == text


def _statuses(build, work):
    """Give every status that a build has while some work is done in a thread."""
    over, heard = Event(), []

    def listen():
        while not over.wait(0.02):
            heard.append(build.status)

    thread = Thread(target=listen)
    thread.start()
    try:
        work()
    finally:
        over.set()
        thread.join()
    return heard


def _write_golden(model, path, spec):
    labels = np.zeros((10, 10), np.uint8)
    labels.flat[:4] = 1
    write_model(model, path, spec, Golden(np.zeros((10, 10, 3), np.uint8), labels))
    assert read_golden(path) is not None
