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

"""The build command: its output, its cache, the key of an engine, and one-line errors."""

from dataclasses import fields, replace
import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.tensorrt_builds import NO_TABLES, request, sibling
from helpers.tiny_pair import write_files
import onnx
import pytest
from swiftnet_ros.backends.cuda.driver import Gpu
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt.engine_cache import _plan, cached_engine, find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import load, read_sidecar, sidecar_path
from swiftnet_ros.model_spec import read_model, read_model_file, read_spec, write_model

VERSION = 'tensorrt-8.5.2.2'


def silent(progress):
    """Ignore the progress."""


def test_last_line_is_the_engine_and_progress_is_on_stderr(tensorrt, run, files):
    tensorrt(VERSION)
    code, out, error = run()
    assert code == 0
    engine = Path(out.splitlines()[-1])
    assert read_sidecar(engine).identity.precision == 'fp16'
    assert 'reading the model' in error
    assert 'building' in error
    code, again, error = run()
    assert (code, again, error) == (0, out, '')


def test_json_has_the_path_and_whether_it_was_cached(tensorrt, run):
    tensorrt(VERSION)
    first, second = (json.loads(run('--json')[1].splitlines()[-1]) for _ in range(2))
    assert (first.pop('cached'), second.pop('cached')) == (False, True)
    assert first == second
    assert set(first) == {'engine', 'sidecar', 'build_seconds'}
    assert first['sidecar'] == f'{first["engine"]}.json'


def test_real_precisions_of_the_layers_are_printed(tensorrt, run):
    tensorrt(VERSION)
    error = run('--dla', 0, '--precision', 'fp16')[2]
    assert 'layers: 2 fp32, 1 fp16\non the GPU: to_float, to_planes\n' in error


def test_progress_is_lines_of_json(tensorrt, run):
    tensorrt(VERSION)
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
    table = sibling(files, 'int8.calibration')
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
def test_a_change_of_any_part_builds_another_engine(tensorrt, files, change):
    first = tensorrt(VERSION)
    options = {'calibration': sibling(files, 'int8.calibration')}
    before = find_or_build(*request(first, files, **options), silent)
    content = before.read_bytes()
    assert cached_engine(*request(first, files, **options)) == before
    if callable(change):
        change(files)
    elif isinstance(change, dict):
        options.update(change)
    else:
        gpu = {'gpu': Gpu('Orin', '7.2'), 'capability': Gpu('Xavier', '8.7')}.get(change)
        tensorrt('tensorrt-8.6.1' if change == 'version' else VERSION, *([gpu] if gpu else []))
    wanted = request(first, files, **options)
    assert cached_engine(*wanted) is None
    after = find_or_build(*wanted, silent)
    assert after != before
    assert cached_engine(*wanted) == after
    # The old one stays in the cache.
    assert before.read_bytes() == content


def test_calibration_images_are_in_the_key_by_content_and_name(tensorrt, files, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    keys = set()
    module = tensorrt(VERSION)
    for name, content in (('a.png', b'1'), ('a.png', b'2'), ('b.png', b'2')):
        (folder / name).write_bytes(content)
        for calibrator in ('entropy2', 'minmax'):
            wanted = request(module, files, calibration=folder, calibrator=calibrator)
            keys.add(_plan(*wanted).identity.key)
    assert len(keys) == 6


def test_damaged_engine_is_built_again(tensorrt, files):
    module = tensorrt(VERSION)
    told = []
    path = find_or_build(*request(module, files), silent)
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    assert cached_engine(*request(module, files)) is None
    assert find_or_build(*request(module, files), lambda item: told.append(item.phase)) == path
    assert told[0] == 'building again: the file is damaged'
    assert load(path)[1].identity.key[:16] in path.name


def test_output_is_rebuilt_only_if_it_differs(tensorrt, run, files, tmp_path):
    tensorrt(VERSION)
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


def test_an_engine_that_cannot_be_cached_is_built_into_the_fallback(
    tensorrt, run, tmp_path, monkeypatch
):
    tensorrt(VERSION)
    (tmp_path / 'cache').write_text('a file')
    code, out, _ = run('--json', '--fallback', tmp_path)
    result = json.loads(out.splitlines()[-1])
    assert (code, result['engine']) == (0, str(tmp_path / 'uncached.engine'))
    assert 'cache: ' in result['warning'] and 'built again' in result['warning']
    assert load(tmp_path / 'uncached.engine')[1].spec.precision == 'fp16'


@pytest.mark.parametrize(
    ('version', 'options', 'name'),
    [
        (VERSION, [], 'shelf.int8.onnx'),
        (VERSION, ['--precision', 'int8'], 'shelf.int8.onnx'),
        (VERSION, ['--precision', 'fp16'], 'shelf.fp32.onnx'),
        (VERSION, ['--precision', 'fp32'], 'shelf.fp32.onnx'),
        (VERSION, ['--calibration', 'shelf.int8.calibration'], 'shelf.fp32.onnx'),
        (VERSION, ['--dla', '0', '--precision', 'fp16'], 'shelf.fp32.onnx'),
        ('tensorrt-11.4.0.106', ['--precision', 'fp16'], 'shelf.fp16.onnx'),
    ],
)
def test_name_of_a_pair_selects_the_file_of_the_precision(
    tensorrt, run, monkeypatch, tmp_path, version, options, name
):
    share = tmp_path / 'share'
    (share / 'models').mkdir(parents=True)
    write_files(share / 'models', 'shelf')
    found = lambda name: iter([share / name])  # noqa: E731
    monkeypatch.setattr('swiftnet_ros.model_spec.find_model.share_folders', found)
    monkeypatch.chdir(share / 'models')
    tensorrt(version)
    code, out, _ = run(*options, model='shelf')
    expected = hashlib.sha256((share / 'models' / name).read_bytes()).hexdigest()
    assert code == 0 and read_sidecar(Path(out.strip())).identity.model_sha256 == expected


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
    words = [sys.executable, '-c', TWO, str(files), str(Path(__file__).parents[1])]
    words.append(str(tmp_path / 'cache'))
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(len(line) for line in lines) == [1, 2]
    assert lines[0][-1] == lines[1][-1]
    load(Path(lines[0][-1]))
    assert sidecar_path(Path(lines[0][-1])).is_file()


def test_every_option_in_the_key_changes_it_and_no_other_does(tensorrt, files, tmp_path):
    module = tensorrt(VERSION)
    images = tmp_path / 'images'
    images.mkdir()
    (images / 'a.png').write_bytes(b'1')
    model, base = request(module, files, calibration=images)
    others = {
        'engine': 'tensorrt',
        'precision': 'fp32',
        'threads': 3,
        'self_check_min_agreement': 0.5,
        'calibration': str(sibling(files, 'int8.calibration')),
        'dla': 0,
        'workspace_mb': 64,
        'engine_cache': str(tmp_path / 'other'),
        'calibrator': 'minmax',
        'obey_precision': True,
        'output': str(tmp_path / 'a.engine'),
        'timing_cache': str(tmp_path / 'a.timings'),
    }
    key = _plan(model, base).identity.key
    # Other modules and GPUs are in `test_a_change_of_any_part_builds_another_engine`.
    for item in fields(BackendOptions):
        if item.name in ('module', 'compute_capability'):
            continue
        changes = {item.name: others[item.name]}
        if item.name == 'precision':
            changes['calibration'] = ''
        changed = _plan(model, replace(base, **changes)).identity.key != key
        assert changed == item.metadata['in_key'], item.name


OLD = ROOT / 'test' / 'data' / 'engine_sidecar'


def test_sidecar_of_an_earlier_version_is_read_and_its_key_recomputed(tensorrt):
    tensorrt(VERSION)
    (old,) = OLD.glob('*.engine')
    engine, sidecar = load(old)
    assert engine and sidecar.spec.name == 'tiny' and sidecar.workspace_mb == 64
    assert sidecar.identity.key[:16] == old.name.split('.')[2]
    table = OLD / 'tiny.int8.calibration'
    options = {'precision': 'int8', 'calibration': str(table), 'workspace_mb': 64}
    model = read_model_file(OLD / 'tiny.fp32.onnx')
    assert _plan(model, BackendOptions(**options)).identity == sidecar.identity


@pytest.mark.parametrize('case', json.loads((OLD / 'keys.json').read_text()), ids=str)
def test_cache_key_is_that_of_an_earlier_version(tensorrt, case):
    module = tensorrt(case['tensorrt'])
    options = {'module': module.__name__, **case['options']}
    if 'calibration' in options:
        options['calibration'] = str(OLD / options['calibration'])
    model = read_model_file(OLD / case['file'])
    assert _plan(model, BackendOptions(**options)).identity.key == case['key']


def test_full_or_read_only_disk_raises_before_the_build(tensorrt, error_line, monkeypatch):
    tensorrt(VERSION)
    real = os.statvfs

    class Full:
        """A disk with 3 MB left."""

        def __init__(self, path):
            self.f_bavail, self.f_frsize = (3 << 20) // real(path).f_frsize, real(path).f_frsize

    monkeypatch.setattr(os, 'statvfs', Full)
    assert 'cache: the disk has 3 MB left, an engine may need 16 MB; set SWIFT' in error_line()
    monkeypatch.setattr(os, 'statvfs', real)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    assert 'cannot cache engines in' in error_line()
    assert 'it cannot be written; set SWIFTNET_ROS_CACHE to a folder of your own' in error_line()


def test_invalid_options_raise(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    assert "unknown precision 'fp15'; did you mean 'fp16'" in error_line('--precision', 'fp15')
    assert "unknown calibrator 'max'; did you mean 'minmax'" in error_line('--calibrator', 'max')
    assert "unknown TensorRT module 'tensort'; did you" in error_line('--module', 'tensort')
    assert 'workspace_mb is -1, expected 0 to 1048576' in error_line('--workspace-mb', -1)
    assert 'dla is -2, expected -1 to 7' in error_line('--dla', -2)
    assert '--no-cache also needs --output ENGINE' in error_line('--no-cache')
    assert 'a file ending in .engine in a folder' in error_line('-o', tmp_path / 'a.onnx')
    assert 'a file ending in .engine in a folder' in error_line('-o', tmp_path / 'no' / 'a.engine')
    assert 'model not found' in error_line(model=tmp_path / 'no.onnx')
    assert 'has Q/DQ pairs, but fp16 needs' in error_line(
        '--precision', 'fp16', model=sibling(files, 'int8.onnx')
    )


def test_model_without_specification_raises(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    model = read_model(files)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'bare.onnx')
    text = error_line(model=tmp_path / 'bare.onnx')
    assert 'has no swiftnet_ros.model_spec; add one with: python -m' in text


def test_invalid_calibration_raises(tensorrt, error_line, files, tmp_path):
    tensorrt(VERSION)
    empty = tmp_path / 'empty'
    empty.mkdir()
    assert f'no images in {empty}; expected files ending' in error_line('--calibration', empty)
    missing = tmp_path / 'no.calibration'
    assert f'calibration not found: {missing}' in error_line('--calibration', missing)
    other = tmp_path / 'other.calibration'
    other.write_text('TRT-8502-EntropyCalibration2\nelsewhere: 3c010a14\n')
    assert 'is for another model' in error_line('--calibration', other)
    for name, content in NO_TABLES:
        (tmp_path / name).write_text(content)
        text = error_line('--calibration', tmp_path / name)
        assert 'expected a table created with: python -m training quantize' in text


def test_calibration_images_need_pycuda(tensorrt, error_line, tmp_path, monkeypatch):
    tensorrt(VERSION)
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'a.png').write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    text = error_line('--calibration', folder)
    assert 'pip install pycuda' in text


def test_missing_tensorrt_raises_with_what_to_install(error_line, monkeypatch):
    for name, remedy in (
        ('tensorrt', 'it comes with JetPack (use a virtual environment with --system-site-pack'),
        ('tensorrt_rtx', 'pip install tensorrt-rtx-cu13'),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        text = error_line('--module', name)
        assert f"engine '{name}' cannot be used here" in text
        assert remedy in text
