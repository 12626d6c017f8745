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

"""The build of an engine: its status, its cancellation, and the file that is opened."""

from dataclasses import replace
from threading import Event, Thread
from time import monotonic, sleep

from helpers.fake_builder import builders, fake
from helpers.fake_engines import GatedEngine
from helpers.tiny_model import write_golden_model, write_tiny_model
import pytest
from swiftnet_ros.backends import registry
from swiftnet_ros.backends.engine_build import EngineBuild, EngineFile, progress_text
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.registry import backend_class
from swiftnet_ros.errors import BuildCancelledError, ReportedError, SelfCheckError
from swiftnet_ros.model_spec import (
    read_model_file,
    read_spec,
)
from swiftnet_ros.serving.model_loader import load_model


@pytest.fixture
def model(tmp_path):
    """Write a tiny model."""
    write_tiny_model(tmp_path / 'tiny.onnx')
    return tmp_path / 'tiny.onnx'


@pytest.fixture
def built(monkeypatch, tmp_path):
    """Return a function that enters the backend `gated` with a fake builder."""
    GatedEngine.reset()
    (tmp_path / 'cache').mkdir()

    def enter(*options, **given):
        backend = fake(tmp_path / 'cache', *options, **given)
        monkeypatch.setitem(registry.BACKENDS, 'gated', backend)
        return tmp_path / 'cache'

    yield enter
    GatedEngine.reset()


GATED = BackendOptions(engine='gated')


def prepare(model, build=None):
    """Prepare a model for the backend `gated`."""
    return backend_class('gated').prepare(read_model_file(model), GATED, build or EngineBuild())


def test_a_backend_that_builds_nothing_opens_the_model_itself(model):
    build = EngineBuild()
    backend = backend_class('openvino')
    with backend.prepare(read_model_file(model), BackendOptions(), build) as file:
        assert file == EngineFile(model)
        assert build.status == ''


def test_a_cached_engine_is_not_built(built, model, tmp_path):
    seen = []
    built(found=tmp_path / 'there.built', seen=seen)
    with prepare(model) as file:
        assert file == EngineFile(tmp_path / 'there.built', is_built=True)
    assert not seen


def test_a_missing_engine_is_built_from_the_model_and_opened(built, model):
    seen = []
    cache = built(seen=seen)
    options = replace(GATED, precision='int8', dla=1)
    loaded = load_model(str(model), options)
    assert loaded.file.path == cache / 'tiny.built'
    assert (loaded.file.is_built, loaded.file.build_seconds) == (True, 61.4)
    assert (loaded.path, loaded.segmenter.backend) == (model, 'gated')
    assert [item[:2] for item in seen] == [(model, options)]
    loaded.close()


def test_an_engine_that_cannot_be_cached_is_opened_from_memory_and_removed(built, model):
    seen = []
    cache = built('memory', '--warning', 'the disk is full', seen=seen)
    loaded = load_model(str(model), GATED)
    assert loaded.file.warning == 'the disk is full' and loaded.spec == read_spec(model)
    ((_, _, memory),) = seen
    assert loaded.file.path.parent == memory and not memory.exists() and not list(cache.iterdir())
    loaded.close()


def test_a_failed_build_leaves_nothing_in_memory(built, model):
    seen = []
    built('--fail', 'TensorRT has no Einsum', seen=seen)
    with pytest.raises(ReportedError, match='^TensorRT has no Einsum$'):
        load_model(str(model), GATED)
    assert not seen[0][2].exists() and GatedEngine.open_engines == 0


def test_status_names_the_engine_and_its_progress(built, model):
    cache = built('--steps', '20')
    build = EngineBuild()
    options = replace(GATED, precision='int8')
    assert (build.status, build.is_over) == ('', False)
    heard = _statuses(build, lambda: load_model(str(model), options, build).close())
    assert any(
        text.startswith('building engine gated of tiny.onnx in int8: tactics, 5')
        and text.endswith(' %, 1 s, the last build took 90 s')
        for text in heard
    ), heard
    assert (build.status, build.is_over) == ('', True) and (cache / 'tiny.built').exists()


def test_a_build_can_be_cancelled_from_another_thread(built, model):
    seen = []
    cache = built('--steps', '2000', seen=seen)
    build, errors = EngineBuild(), []

    def load():
        try:
            load_model(str(model), GATED, build)
        except BuildCancelledError as error:
            errors.append(error)

    thread = Thread(target=load)
    thread.start()
    while '%' not in build.status:
        sleep(0.01)
    assert builders(cache) and not build.is_over
    # So that a node that is killed during a build leaves nothing.
    assert not seen[0][2].exists()
    start = monotonic()
    build.cancel()
    thread.join()
    assert monotonic() - start < 1.0 and len(errors) == 1
    assert build.is_over and not builders(cache) and not seen[0][2].exists()


def test_a_cancelled_build_does_not_start(built, model):
    seen = []
    built(seen=seen)
    build = EngineBuild()
    build.cancel()
    with pytest.raises(BuildCancelledError, match='cancelled'):
        load_model(str(model), GATED, build)
    assert not seen


@pytest.mark.parametrize(('precision', 'is_sound'), [('int8', True), ('fp16', False)])
def test_an_int8_engine_may_differ_more_even_if_its_model_is_float(
    built, model, monkeypatch, precision, is_sound
):
    """The agreement is 0.96 here: all zeros but for class 0, which 96 of 100 pixels have."""
    built()
    monkeypatch.setattr(GatedEngine, 'precision', precision)
    write_golden_model(model, wrong=4, class_id=0)
    if is_sound:
        opened = load_model(str(model), GATED)
        assert opened.agreement == 0.96
        opened.close()
    else:
        with pytest.raises(SelfCheckError, match='0.96000 of .* at least 0.98'):
            load_model(str(model), GATED)
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
def test_progress_text_has_what_is_known(progress, text):
    assert progress_text(progress, 7.2) == text


def _statuses(build, work):
    """Return every status that a build has while `work` runs."""
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


def test_phases_are_reported_once_each():
    phases = []
    build = EngineBuild(phases.append)
    for phase in ('waiting', 'building', 'building', 'inspecting'):
        build._report({'phase': phase})
    assert phases == ['waiting', 'building', 'inspecting']
