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

"""The command: what it prints, what it finds again, what it builds anew, what it refuses."""

from dataclasses import replace
import json
from pathlib import Path
import subprocess
import sys

from helpers.tiny_pair import write_files
from helpers.trt_builds import beside, fixture_files, fixture_run, fixture_use, request
import pytest
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.tensorrt import engine_cache
from swiftnet_ros.backends.tensorrt.engine_file import load, read_sidecar, sidecar_path
from swiftnet_ros.build_engine import build_in_memory, cached_engine, find_or_build
from swiftnet_ros.model_spec import read_model, read_spec, write_model

__all__ = ['fixture_files', 'fixture_run', 'fixture_use']
VERSION = 'tensorrt-8.5.2.2'


def silent(progress):
    """Listen to nothing."""


def test_the_last_line_is_the_engine_and_progress_goes_elsewhere(use, run, files):
    use(VERSION)
    code, out, error = run()
    assert code == 0
    engine = Path(out.splitlines()[-1])
    assert read_sidecar(engine).identity.precision == 'fp16'
    assert 'reading the model' in error
    assert 'building' in error
    code, again, error = run()
    assert (code, again, error) == (0, out, '')


def test_json_says_where_the_engine_is_and_whether_it_was_there(use, run):
    use(VERSION)
    first, second = (json.loads(run('--json')[1].splitlines()[-1]) for _ in range(2))
    assert (first.pop('cached'), second.pop('cached')) == (False, True)
    assert first == second
    assert set(first) == {'engine', 'sidecar', 'build_seconds'}
    assert first['sidecar'] == f'{first["engine"]}.json'


def test_what_the_layers_really_are_is_said_after_the_build(use, run):
    use(VERSION)
    error = run('--dla', 0, '--precision', 'fp16')[2]
    assert 'layers: 2 fp32, 1 fp16\non the GPU: to_float, to_planes\n' in error


def test_progress_can_be_read_line_by_line(use, run):
    use(VERSION)
    lines = run('--progress-json', '--json')[1].splitlines()
    progress = [json.loads(line) for line in lines[:-1]]
    keys = {'phase', 'fraction', 'elapsed_s', 'last_build_s'}
    assert all(set(item) == keys for item in progress)
    phases = [item['phase'] for item in progress]
    assert phases == ['no such engine yet', 'reading the model', 'building', 'inspecting']
    again = run('--progress-json', '--workspace-mb', 64)[1].splitlines()
    assert json.loads(again[0])['last_build_s'] == json.loads(lines[-1])['build_seconds']


def changed_model(files):
    spec = read_spec(files)
    write_model(read_model(files), files, replace(spec, trained_on='more noise'), None)


def changed_scales(files):
    table = beside(files, 'int8.calibration')
    table.write_text(table.read_text().replace('40000000', '40800000'))


@pytest.mark.parametrize(
    'change',
    [
        {'precision': 'fp32', 'calibration': None},
        {'dla': 0},
        {'workspace_mb': 64},
        {'obey_precision': True},
        changed_model,
        changed_scales,
        'version',
        'gpu',
        'capability',
    ],
    ids=lambda change: getattr(change, '__name__', str(change)),
)
def test_a_change_of_any_part_builds_anew_and_nothing_else_does(use, files, change):
    first = use(VERSION)
    options = {'calibration': beside(files, 'int8.calibration')}
    before = find_or_build(request(first, files, **options), silent)
    content = before.read_bytes()
    assert cached_engine(request(first, files, **options)) == before
    if callable(change):
        change(files)
    elif isinstance(change, dict):
        options.update(change)
    else:
        gpu = {'gpu': Gpu('Orin', '7.2'), 'capability': Gpu('Xavier', '8.7')}.get(change)
        use('tensorrt-8.6.1' if change == 'version' else VERSION, *([gpu] if gpu else []))
    wanted = request(first, files, **options)
    assert cached_engine(wanted) is None
    after = find_or_build(wanted, silent)
    assert after != before
    assert cached_engine(wanted) == after
    # The old one stays, for who changes back.
    assert before.read_bytes() == content


def test_images_count_by_what_they_hold(use, files, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    keys = set()
    module = use(VERSION)
    for name, content in (('a.png', b'1'), ('a.png', b'2'), ('b.png', b'2')):
        (folder / name).write_bytes(content)
        for calibrator in ('entropy2', 'minmax'):
            wanted = request(module, files, calibration=folder, calibrator=calibrator)
            keys.add(engine_cache._want(wanted).identity.key)
    assert len(keys) == 6


def test_a_damaged_engine_is_built_again(use, files):
    module = use(VERSION)
    told = []
    path = find_or_build(request(module, files), silent)
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    assert cached_engine(request(module, files)) is None
    assert find_or_build(request(module, files), lambda item: told.append(item.phase)) == path
    assert told[0] == 'building again: the file is damaged'
    assert load(path)[1].identity.key[:16] in path.name


def test_a_named_file_is_kept_while_it_is_the_right_one(use, run, files, tmp_path):
    use(VERSION)
    out = tmp_path / 'own.engine'
    cached = [
        json.loads(run('-o', out, '--json', *words)[1])['cached']
        for words in ([], [], ['--precision', 'fp32'], ['--precision', 'fp32'])
    ]
    assert cached == [False, True, False, True]
    error = run('-o', out)[2]
    assert 'building again: precision is fp16, the engine was built for fp32' in error
    assert 'builder configuration is' in error
    assert json.loads(run('-o', out, '--no-cache', '--json')[1])['cached'] is False
    assert not (files.parent / 'cache').exists()


def test_an_engine_can_be_had_without_a_disk(use, files):
    module = use(VERSION)
    engine, sidecar = build_in_memory(request(module, files), silent)
    assert json.loads(engine)['flags'] == ['FP16']
    assert sidecar.spec.precision == 'fp16'
    assert not (files.parent / 'cache').exists()


def test_a_shipped_name_stands_for_the_right_file_of_the_pair(use, files, monkeypatch, tmp_path):
    share = tmp_path / 'share'
    (share / 'models').mkdir(parents=True)
    write_files(share / 'models', 'shelf')
    found = lambda name: iter([share / name])  # noqa: E731
    monkeypatch.setattr('swiftnet_ros.model_spec.find_model.share_folders', found)
    module = use(VERSION)
    tables = share / 'models' / 'shelf.int8.calibration'
    for options, name in (
        ({}, 'shelf.int8.onnx'),
        ({'precision': 'fp16'}, 'shelf.fp32.onnx'),
        ({'calibration': tables}, 'shelf.fp32.onnx'),
        ({'dla': 0, 'precision': 'fp16'}, 'shelf.fp32.onnx'),
    ):
        wanted = replace(request(module, files, **options), model=Path('shelf'))
        assert engine_cache._want(wanted).source.path.name == name
    wanted = replace(request(use('tensorrt-11.4.0.106'), files), model=Path('shelf'))
    wanted = replace(wanted, precision='fp16')
    assert engine_cache._want(wanted).source.path.name == 'shelf.fp16.onnx'


TWO = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from helpers.tensorrt_stub import make_stub
from swiftnet_ros.backends.tensorrt import identity
from swiftnet_ros.backends.cuda.driver import Gpu
import time
module = make_stub('tensorrt-8.5.2.2')
build = module.Builder.build_serialized_network
def slow(*given):
    print('building', flush=True)
    time.sleep(0.5)
    return build(*given)
module.Builder.build_serialized_network = slow
sys.modules['tensorrt'] = module
identity.find_gpu = lambda engine: Gpu('Xavier', '7.2')
from swiftnet_ros.build_engine import main
sys.exit(main([sys.argv[1], '--cache', sys.argv[3]]))
"""


def test_two_processes_build_one_engine_once(files, tmp_path):
    words = [sys.executable, '-c', TWO, str(files), str(Path(__file__).parent)]
    words.append(str(tmp_path / 'cache'))
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(len(line) for line in lines) == [1, 2]
    assert lines[0][-1] == lines[1][-1]
    load(Path(lines[0][-1]))
    assert sidecar_path(Path(lines[0][-1])).is_file()
