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

"""The bench command: the cases that it measures, their order, and their ratios."""

from collections import Counter
from functools import partial
import json
from pathlib import Path
import re
import struct
import subprocess
import sys

from helpers.tiny_model import write_tiny_model
from helpers.tiny_training import command_json, tiny_checkpoint, tiny_config, write_config
import pytest
from swiftnet_ros.model_spec import read_golden, read_model, read_spec, write_model
from training.__main__ import main
from training.evaluation.complexity import count_complexity
from training.models import build_model
from training.profiling import machine, measure
from training.profiling.cases import make_cases, model_names, quantized_file
from training.profiling.cpu_peak import CpuPeak
from training.profiling.measure import speed_up
from training.profiling.peak_memory import peak_memory_mb
from training.profiling.runs import measure_runs
from training.profiling.timing import in_rounds, ProfilingOptions
from training.quantization.calibration_cache import float_tensors, pair_scales
from training.run.checkpoint import save_checkpoint
from training.schema.config import ModelConfig

NARROW = ModelConfig('pyramid', 'resnet18', [2, 2, 2, 3, 4], 2, 8)


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """Change to a folder with two configurations, a checkpoint and a foreign ONNX file."""
    monkeypatch.chdir(tmp_path)
    # A measurement starts a process, which takes seconds; one test does.
    monkeypatch.setattr(measure, 'peak_memory_mb', lambda *_: 50.0)
    write_config(tmp_path / 'full.yaml', model={'classes': 3})
    write_config(tmp_path / 'classless.yaml')
    save_checkpoint(tiny_checkpoint(NARROW), tmp_path / 'narrow.pt')
    write_tiny_model(tmp_path / 'foreign.fp32.onnx')
    return tmp_path


def quantized(path: Path, out: Path) -> Path:
    spec = read_spec(path)
    changed = type(spec)(**{**vars(spec), 'precision': 'int8'})
    write_model(read_model(path), out, changed, read_golden(path))
    return out


def benched(capsys, *words: str) -> dict:
    return command_json(capsys, 'bench', *words, '--repeats', 3, '--threads', 1)


def test_models_of_all_kinds_are_compared_with_the_first(capsys, workplace):
    sizes = ['--sizes', '96x64', '64x64']
    result = benched(capsys, 'full.yaml', 'narrow.pt', 'foreign.fp32.onnx', *sizes)
    cases = [(case['model'], case['height'], case['width']) for case in result['cases']]
    exported = [(name, 64, width) for name in ('full', 'narrow') for width in (96, 64)]
    assert cases == [*exported, ('foreign', 48, 64)]
    pairs = [(pair['of']['model'], pair['over']['model'], pair['of']) for pair in result['pairs']]
    assert [pair[:2] for pair in pairs] == [('full', 'narrow')] * 2
    assert [pair[2]['width'] for pair in pairs] == [96, 64]
    full = count_complexity(build_model(tiny_config().model, 3), 64, 96).gmacs
    narrow = count_complexity(tiny_checkpoint(NARROW).network(), 64, 96).gmacs
    assert result['cases'][0]['gmacs'] == pytest.approx(full)
    assert result['pairs'][0]['gmac_ratio'] == pytest.approx(full / narrow)


def test_ratios_follow_from_the_rounds(capsys, workplace):
    result = benched(capsys, 'full.yaml', 'narrow.pt', '--cameras', '96x64', '128x96')
    one, other = result['cases']
    (pair,) = result['pairs']
    measured = speed_up(one['engine_ms']['rounds'], other['engine_ms']['rounds'])
    for name, value in measured.items():
        assert pair[name] == pytest.approx(value, rel=0.01)
    assert pair['low'] <= pair['speed_up'] <= pair['high']
    assert pair['realised'] == pytest.approx(pair['speed_up'] / pair['gmac_ratio'])
    for case in (one, other):
        assert [line['camera'] for line in case['pipelines']] == [[64, 96], [96, 128]]
        for spent in (case['engine_ms'], *(line['pipeline_ms'] for line in case['pipelines'])):
            assert len(spent['rounds']) == result['repeats'] == 3
            assert 0 < spent['best'] <= spent['median'] <= spent['p95']


def test_precisions_of_one_network_have_no_gmac_ratio(capsys, workplace):
    foreign = workplace / 'foreign.fp32.onnx'
    quantized(foreign, workplace / 'foreign.int8.onnx')
    result = benched(capsys, foreign.name, '--precisions', 'fp32', 'int8')
    assert [case['precision'] for case in result['cases']] == ['fp32', 'int8']
    (pair,) = result['pairs']
    assert (pair['gmac_ratio'], pair['realised']) == (None, None)
    assert (pair['of']['precision'], pair['over']['precision']) == ('fp32', 'int8')


def test_int8_file_is_measured_once_and_in_int8(workplace):
    foreign = workplace / 'foreign.fp32.onnx'
    int8 = quantized(foreign, workplace / 'foreign.int8.onnx')
    cases = make_cases([foreign, int8], [], ['fp32', 'int8'], workplace)
    assert [(case.model, case.precision) for case in cases] == [
        ('foreign', 'fp32'),
        ('foreign', 'int8'),
    ]


def test_result_names_the_machine_and_can_be_written_to_a_file(capsys, workplace):
    words = ['foreign.fp32.onnx', '--repeats', '1', '--threads', '1', '--json', 'out.json']
    assert main(['bench', *words]) == 0
    result = json.loads((workplace / 'out.json').read_text())
    assert {'cpu', 'cpus', 'threads', 'load', 'flags', 'versions'} == set(result['machine'])
    assert result['machine']['threads'] == 1
    assert result['machine']['versions']['openvino']
    shown = capsys.readouterr().out
    assert '| foreign | 64x48 | fp32 |' in shown
    assert '{' not in shown


def test_int8_of_a_configuration_has_random_weights(capsys, workplace):
    words = ['--sizes', '96x64', '96x128', '--precisions', 'fp32', 'int8', '--work', 'work']
    result = benched(capsys, 'full.yaml', *words)
    cases = [(case['used_precision'], case['height']) for case in result['cases']]
    assert cases == [('fp32', 64), ('fp32', 128), ('int8', 64), ('int8', 128)]
    made = workplace / 'work' / 'full'
    files = {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    assert set(files) == {
        f'{size}.{precision}.onnx'
        for size in ('96x64', '96x128')
        for precision in ('fp32', 'int8')
    }
    spec = read_spec(made / '96x64.int8.onnx')
    assert (spec.precision, spec.calibration['source']) == (
        'int8', 'rendered images, random weights',
    )  # fmt: skip
    assert read_golden(made / '96x64.int8.onnx') is None
    # Existing files are not made again.
    benched(capsys, 'full.yaml', *words)
    assert {path.name: path.stat().st_mtime_ns for path in made.iterdir()} == files


def test_int8_of_a_single_scale_whose_graph_differs_between_sizes(capsys, workplace):
    # At 64x64 a grid of the pooling module needs no resize, at 128x96 it does.
    write_config(workplace / 'single.yaml', model={'classes': 3, 'variant': 'single_scale'})
    words = ['--sizes', '64x64', '128x96', '--precisions', 'int8', '--work', 'work']
    result = benched(capsys, 'single.yaml', *words)
    assert [(case['used_precision'], case['width']) for case in result['cases']] == [
        ('int8', 64), ('int8', 128),
    ]  # fmt: skip


def test_networks_are_written_with_a_calibration_and_not_measured(capsys, workplace):
    words = ['--sizes', '64x64', '--precisions', 'fp32', 'int8', '--write', '--work', 'nets']
    assert main(['bench', 'full.yaml', *words]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f'nets/full/64x64.{precision}.onnx' for precision in ('fp32', 'int8')
    ]
    scales = read_table(Path('nets/full/64x64.int8.calibration'))
    pairs = pair_scales(read_model(Path('nets/full/64x64.int8.onnx')))
    assert set(scales) == set(float_tensors(read_model(Path('nets/full/64x64.fp32.onnx'))))
    common = set(scales) & set(pairs)
    assert len(common) > 10 and all(scales[name] == pairs[name] for name in common)
    assert {scales[name] for name in set(scales) - common} == {max(pairs.values())}


def read_table(path: Path) -> dict[str, float]:
    """Return the scales of a calibration cache."""
    lines = dict(line.rsplit(': ', 1) for line in path.read_text().splitlines()[1:])
    return {name: struct.unpack('>f', bytes.fromhex(text))[0] for name, text in lines.items()}


@pytest.mark.parametrize('option', ['--cpu-peak', '--ceiling'])
def test_shared_engine_and_cpu_peak_are_measured_in_the_same_rounds(
    capsys, workplace, monkeypatch, option
):
    monkeypatch.setattr(measure, 'CpuPeak', partial(CpuPeak, side=128))
    words = ['--camera-counts', '1', '3', option, '--plots', 'plots']
    result = benched(capsys, 'foreign.fp32.onnx', *words)
    (case,) = result['cases']
    assert [turn['cameras'] for turn in case['turns']] == [1, 3]
    assert all(len(turn['turn_ms']['rounds']) == 3 for turn in case['turns'])
    assert case['turns'][1]['peak_mb'] == 50
    (peak,) = result['ceilings']
    assert (peak['precision'], len(peak['rounds'])) == ('fp32', 4)
    assert [path.name for path in (workplace / 'plots').iterdir()] == ['cameras.png']


def test_every_round_has_each_item_once_and_rotates_the_first():
    order = list(in_rounds('abc', 4))
    rounds = list(zip(*[iter(order)] * 3))
    assert all(Counter(items) == Counter('abc') for items in rounds)
    assert [items[0] for items in rounds] == ['a', 'b', 'c', 'a']


def test_speed_up_is_the_median_of_ratios_not_the_ratio_of_medians():
    assert speed_up([2, 30, 8], [1, 10, 8])['speed_up'] == 2


def test_models_are_named_by_file_or_run_with_folders_if_names_clash():
    runs = [Path('runs/a/trained.pt'), Path('runs/b/trained.pt')]
    assert model_names(runs) == ['a', 'b']
    assert model_names([Path('x.fp32.onnx'), Path('x.int8.onnx')]) == ['x', 'x']
    assert model_names([Path('a/x.yaml'), Path('b/x.yaml')]) == ['a/x', 'b/x']
    assert quantized_file(runs[0]) == Path('runs/a/model.int8.onnx')
    assert quantized_file(Path('a/x.fp32.onnx')) == Path('a/x.int8.onnx')


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
def test_peak_memory_is_that_of_a_process_without_torch(workplace):
    code = "import sys, training.profiling.peak_memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
    small, large = (
        peak_memory_mb(workplace / 'foreign.fp32.onnx', 'fp32', 1, [size])
        for size in ((48, 64), (2048, 4096))
    )
    assert 20 < small < 400
    assert large > small + 2048 * 4096 * 3 / 1e6


def test_every_run_below_a_folder_gets_its_latency_file(workplace):
    for name, model in (('dense/seed0', None), ('pruned/seed0', NARROW), ('pruned/seed1', NARROW)):
        (workplace / 'runs' / name).mkdir(parents=True)
        save_checkpoint(tiny_checkpoint(model), workplace / 'runs' / name / 'trained.pt')
    earlier = workplace / 'runs' / 'pruned' / 'seed1' / 'round_1'
    earlier.mkdir()
    save_checkpoint(tiny_checkpoint(), earlier / 'trained.pt')
    int8 = workplace / 'runs' / 'pruned' / 'seed1' / 'model.int8.onnx'
    quantized(workplace / 'foreign.fp32.onnx', int8)
    options = ProfilingOptions(threads=1, repeats=2, with_memory=False)
    files = measure_runs(workplace / 'runs', None, options)
    dense, first, second = (json.loads(path.read_text()) for path in files)
    assert [path.name for path in files] == ['latency.json'] * 3
    assert set(dense) == set(first) == set(second)
    assert {facts['reference'] for facts in (dense, first, second)} == {'dense/seed0'}
    assert (dense['gmac_ratio'], dense['fp32_speed_up'], dense['fp32_realised']) == (1, 1, 1)
    assert first['gmac_ratio'] == pytest.approx(dense['gmacs'] / first['gmacs'])
    assert first['fp32_realised'] == pytest.approx(first['fp32_speed_up'] / first['gmac_ratio'])
    assert first['int8_ms'] is None
    assert second['int8_ms'] > 0
    # The reference has no int8 file to compare with.
    assert second['int8_speed_up'] is None
    assert second['int8_file_mb'] == int8.stat().st_size / 1e6


MISTAKES = [
    ('', 'MODEL is .missing., expected a model to measure, --into or --tables'),
    ('nowhere.yaml', 'configuration not found: nowhere.yaml'),
    ('nowhere.pt', 'checkpoint not found: nowhere.pt'),
    ('nowhere.onnx', "model not found: 'nowhere.onnx'"),
    ('classless.yaml', 'model.classes is None'),
    ('foreign.fp32.onnx --precisions int7', "unknown precision 'int7'; did you mean 'int8'"),
    ('foreign.fp32.onnx --precisions int8', 'int8 model not found: foreign.int8.onnx'),
    ('foreign.fp32.onnx --repeats 0', 'repeats is 0, expected at least 1'),
    ('foreign.fp32.onnx --camera-counts 0', 'camera counts is 0, expected at least 1'),
    ('foreign.fp32.onnx --threads=-1', 'threads is -1, expected'),
    ('foreign.fp32.onnx --per-block', 'measure it without --per-block'),
    ('foreign.fp32.onnx --json nowhere/out.json', 'folder not found: nowhere'),
    ('--into nowhere', 'finished run not found: nowhere/.../trained.pt'),
    ('full.yaml --write', '--write also needs --work DIR'),
    ('--into . full.yaml', '--into is .*, expected no MODEL and at most one size'),
    ('--tables nowhere.md', 'document not found: nowhere.md'),
]


@pytest.mark.parametrize(('words', 'message'), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_mistake_prints_one_line_and_exits_with_1(workplace, capsys, words, message):
    arguments = [*words.split(), *([] if 'repeats' in words else ['--repeats', '1'])]
    assert main(['bench', *arguments]) == 1
    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if line.startswith('error: ')]
    assert re.search(message, line)
    assert not captured.out


@pytest.mark.parametrize(
    ('limit', 'expected'),
    [('', {'avx2', 'avx512_vnni', 'amx_int8'}), ('AVX2', {'avx2'}),
     ('AVX512_CORE', {'avx2'}), ('AVX512_CORE_BF16', {'avx2', 'avx512_vnni'}),
     ('AVX512_CORE_AMX', {'avx2', 'avx512_vnni', 'amx_int8'})],
)  # fmt: skip
def test_machine_has_the_instructions_that_are_used(monkeypatch, limit, expected):
    flags = {'avx2', 'avx512_vnni', 'amx_int8', 'fpu'}
    monkeypatch.setattr(machine, 'cpu_flags', lambda: flags)
    monkeypatch.setenv('ONEDNN_MAX_CPU_ISA', limit)
    facts = machine.machine_facts('Xeon', 2, 0.0)
    assert set(facts['flags']) == expected
    assert facts['cpu'] == (f'Xeon (oneDNN limited to {limit})' if limit else 'Xeon')
