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

"""Tables have the values of their JSON, in the documents as well."""

import json

import cv2
import numpy as np
import pytest
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from training.__main__ import main
from training.profiling.cpu_peak import BEST_OF, CpuPeak
from training.profiling.plots import write_plots
from training.profiling.report import report, TABLES, with_updated_tables
from training.profiling.scaling import fit_costs, fit_line, size_series


def case(model: str, gmacs: float, engine: float, pipeline: float) -> dict:
    times = {'median': engine, 'p95': engine + 1, 'best': engine - 1, 'rounds': [engine]}
    spent = {'median': pipeline, 'p95': pipeline, 'best': pipeline, 'rounds': [pipeline]}
    line = {'camera': [1080, 1920], 'pipeline_ms': spent, 'over_engine': pipeline / engine}
    return {
        **identity(model),
        'used_precision': 'fp32',
        'gmacs': gmacs,
        'conv_gmacs': gmacs,
        'conv_gmacs_per_second': 1000 * gmacs / engine,
        'file_mb': 24.5,
        'peak_mb': None,
        'engine_ms': times,
        'cpu_ms': times,
        'pipelines': [line],
    }


def identity(model: str) -> dict:
    return {'model': model, 'height': 512, 'width': 1024, 'precision': 'fp32'}


def blocks(model: str, factor: float) -> dict:
    """Return block times of a network, in proportion to `factor`."""
    levels = [(level, part) for level in (0, 1) for part in ('stem', 'block 1', 'laterals')]
    levels += [(level, f'block {block}') for level in (0, 1) for block in (2, 3, 4)]
    parts = [
        {'level': level, 'part': part, 'ms': factor * (2 - level), 'gmacs': factor * factor}
        for level, part in levels
    ]
    parts.append({'level': None, 'part': 'decoder', 'ms': factor, 'gmacs': factor * factor})
    parts = [{**part, 'best_ms': part['ms'] ** 2} for part in parts]
    spent = sum(part['ms'] for part in parts)
    times = {'forward_ms': spent + 0.25, 'remainder_ms': 0.25, 'parts': parts}
    return {**identity(model), **times}


@pytest.fixture
def result() -> dict:
    pair = {'speed_up': 3.5, 'low': 3.2, 'high': 3.8, 'cpu_speed_up': 3.6}
    names = {'of': identity('full'), 'over': identity('all')}
    machine = {'cpu': 'a CPU', 'cpus': 2, 'threads': 1, 'load': 0.25, 'flags': ['avx2', 'fma']}
    return {
        'machine': {**machine, 'versions': {'numpy': '2.0', 'rclpy': None}},
        'repeats': 1,
        'cases': [case('full', 52.42, 350.0, 400.0), case('all', 14.94, 100.0, 120.0)],
        'pairs': [{**names, **pair, 'gmac_ratio': 3.51, 'realised': 0.997}],
        'blocks': [blocks('full', 8.0), blocks('all', 2.0)],
    }


def rows(text: str) -> list[list[str]]:
    """Return the rows of a Markdown table, the head first."""
    lines = [line.strip('| ').split(' | ') for line in text.splitlines()]
    assert all(set(cell) == {'-'} for cell in lines.pop(1))
    assert {len(line) for line in lines} == {len(lines[0])}
    return lines


def test_case_is_a_row_with_its_values(result):
    head, full, pruned = rows(TABLES['latency'](result))
    shown = dict(zip(head, pruned))
    assert (full[0], shown['model'], shown['size']) == ('full', 'all', '1024x512')
    assert (shown['engine ms'], shown['pipeline ms'], shown['camera']) == (
        '100', '120', '1920x1080',
    )  # fmt: skip
    assert (shown['pipeline / engine'], shown['conv GMAC/s'], shown['peak MB']) == (
        '1.20', '149', '-',
    )  # fmt: skip


def test_pair_has_speed_up_and_gmac_ratio(result):
    head, row = rows(TABLES['pairs'](result))
    assert row[:2] == ['full fp32', 'all fp32']
    shown = dict(zip(head, row))
    assert (shown['speed-up'], shown['GMAC ratio'], shown['realized']) == ('3.50', '3.51', '1.00')


def test_blocks_of_a_level_add_up_and_the_forward_pass_is_last(result):
    head, *body = rows(TABLES['blocks'](result))
    assert [row[:2] for row in body[:4]] == [
        ['0', 'full fp32'],
        ['0', 'all fp32'],
        ['1', 'full fp32'],
        ['1', 'all fp32'],
    ]
    assert dict(zip(head, body[0]))['block 1'] == '16.0'
    assert dict(zip(head, body[2]))['sum'] == '48.0'
    assert [row[0] for row in body[4:7]] == ['decoder', 'remainder', 'forward pass']
    whole = result['blocks'][0]
    parts = sum(part['ms'] for part in whole['parts'])
    assert parts + whole['remainder_ms'] == pytest.approx(whole['forward_ms'])
    # 6 blocks of 16 ms, 6 of 8 ms, the decoder's 8 ms, and the remainder.
    assert body[6][-1] == '152'


def test_levels_compare_the_first_network_with_the_others(result):
    _, *body = rows(TABLES['levels'](result))
    assert [row[1] for row in body[:6]] == [
        'stem', 'block 1', 'block 2', 'block 3', 'block 4', 'whole level',
    ]  # fmt: skip
    assert {row[0] for row in body} == {'0', '1', '-'}
    assert {(row[2], row[4]) for row in body} == {('full fp32', 'all fp32')}
    assert {tuple(row[-4:]) for row in body} == {('4.00', '16.00', '0.25', '1.00')}


def test_report_has_only_the_tables_that_were_measured(result):
    assert 'block 1' in report(result)
    few = report({**result, 'blocks': [], 'pairs': []})
    assert 'block 1' not in few
    assert 'speed-up' not in few
    assert '0.25' in few


def test_tables_of_a_document_are_updated(result, tmp_path, capsys):
    (tmp_path / 'out.json').write_text(json.dumps(result))
    document = tmp_path / 'doc.md'
    marks = '<!-- bench out.json {} -->\n{}<!-- end bench -->\n'
    document.write_text(
        f'before\n{marks.format("pairs", "")}between\n{marks.format("machine", "old")}after\n'
    )
    assert main(['bench', '--tables', str(document)]) == 0
    pairs, machine = (f'{TABLES[name](result)}\n' for name in ('pairs', 'machine'))
    expected = f'before\n{marks.format("pairs", pairs)}between\n'
    assert document.read_text() == f'{expected}{marks.format("machine", machine)}after\n'
    assert with_updated_tables(document) == document.read_text()


@pytest.mark.parametrize(
    ('mark', 'error', 'message'),
    [
        ('nowhere.json pairs', FileMissingError, 'result of bench not found: .*nowhere.json'),
        ('out.json pears', UnknownNameError, "unknown bench table 'pears'; did you mean 'pairs'"),
    ],
)
def test_unknown_table_or_missing_result_of_a_document_raises(
    result, tmp_path, mark, error, message
):
    (tmp_path / 'out.json').write_text(json.dumps(result))
    (tmp_path / 'doc.md').write_text(f'<!-- bench {mark} -->\n<!-- end bench -->\n')
    with pytest.raises(error, match=message):
        with_updated_tables(tmp_path / 'doc.md')


def test_measurements_over_topics_and_cold_starts_are_tables():
    alone = {'engine_ms': 40.0, 'p50_ms': 50.0}
    run = {
        'camera': [512, 1024], 'rate_hz': 10.0, 'sent': 30, 'received': 29, 'engine_ms': 40.0,
        'pipeline_ms': 44.0, 'p50_ms': 50.0, 'p95_ms': 60.0, 'p99_ms': 70.0,
        'p50_over_engine': 1.25, 'p99_over_engine': 1.75, 'rounds': [alone, alone], 'fps': 10.0,
        'fps_over_engine': 0.4, 'memory_mb': 320.4, 'memory_growth_mb': 0.0,
        'stages_ms': {'engine': 41.0},
    }  # fmt: skip
    shown = dict(rows(TABLES['node'](run)))
    assert shown['camera'] == '1024x512, 10.0 Hz'
    assert shown['latency p50 / p99 over the engine alone'] == '1.25 / 1.75'
    assert shown['latency p50 / engine alone in each round, ms'] == '50.0 / 40.0, 50.0 / 40.0'
    starts = {'first': [1.5, 1.625], 'second': [1.25]}
    start = {'model': 'warehouse', 'precision': 'int8', 'starts_s': starts}
    assert rows(TABLES['node'](start))[2:] == [
        ['first start to first label, s', '1.50, 1.62'],
        ['second start to first label, s', '1.25'],
    ]


def sized(height: int, width: int, engine: float, precision: str = 'int8') -> dict:
    spent = {'median': 1.1 * engine + 1, 'p95': 2 * engine}
    return {
        'model': 'all',
        'height': height,
        'width': width,
        'precision': precision,
        'used_precision': precision,
        'conv_gmacs_per_second': 240.0,
        'peak_mb': 100 + 80 * height * width / 1e6,
        'engine_ms': {'median': engine, 'p95': engine, 'best': engine},
        'pipelines': [{'camera': [height, width], 'pipeline_ms': spent, 'over_engine': 1.12}],
        'turns': [
            {'cameras': count, 'turn_ms': {'median': count * engine, 'p95': 0.0}, 'peak_mb': 90.0}
            for count in (1, 2)
        ],
    }


@pytest.fixture
def sized_result() -> dict:
    """Return the result of four sizes with an engine latency of 2 ms and 80 ms per megapixel."""
    sizes = [(256, 512), (512, 1024), (768, 1536), (1024, 2048)]
    cases = [sized(h, w, 2 + 80 * h * w / 1e6) for h, w in sizes]
    ceilings = [{'precision': 'int8', 'side': 4096, 'gmacs_per_second': 400.0}]
    return {'cases': cases, 'ceilings': ceilings}


def test_fit_recovers_a_line_and_reports_the_largest_deviation():
    exact = fit_line([0.1, 0.5, 2.0], [10.0, 18.0, 48.0])
    assert (exact.base, exact.slope) == pytest.approx((8.0, 20.0))
    assert exact.deviation == pytest.approx(0.0, abs=1e-9)
    off = fit_line([0.1, 0.5, 1.0, 2.0], [10.0, 18.0, 28.0 * 1.2, 48.0])
    assert 0.05 < off.deviation < 0.2


def test_only_networks_of_three_sizes_or_more_have_a_line(sized_result):
    assert [len(cases) for cases in size_series(sized_result)] == [4]
    assert not list(size_series({'cases': sized_result['cases'][:2]}))
    (cases,) = size_series(sized_result)
    assert fit_costs(cases)['engine'].slope == pytest.approx(80.0)
    assert fit_costs(cases)['memory'].base == pytest.approx(100.0)
    cases[0]['peak_mb'] = None
    assert 'memory' not in fit_costs(cases)


def test_tables_of_sizes_and_cameras_have_the_measured_values(sized_result):
    text = TABLES['scaling'](sized_result)
    assert '| all int8 | 1024x512 | 0.52 | 43.9 | 43.9 | 0.0 % |' in text
    assert '| all int8 | engine, ms | 2.00 | 80.0 | 0.0 % |' in TABLES['slopes'](sized_result)
    assert '| all int8 | 512x256 | 2 | 25.0 | 0.00 | 12.5 | 90.0 |' in TABLES['turns'](
        sized_result
    )
    assert '| all | 512x256 | int8 | 12.5 | 240 | 400 | 60 % |' in TABLES['ceilings'](sized_result)
    assert '| all | 2048x1024 | int8 | 170 | 5.9 | 188 |' in TABLES['short'](sized_result)


def test_plots_are_drawn_of_measured_costs_and_reproducible(sized_result, tmp_path):
    first = write_plots(sized_result, tmp_path / 'one')
    assert [path.name for path in first] == ['sizes.png', 'cameras.png']
    assert all(np.ptp(cv2.imread(str(path))) > 100 for path in first)
    second = write_plots(sized_result, tmp_path / 'two')
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    bars = {'cases': [{**case, 'turns': []} for case in sized_result['cases'][:2]]}
    assert [path.name for path in write_plots(bars, tmp_path)] == ['speed.png']


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
def test_cpu_peak_is_the_best_of_five(precision):
    peak = CpuPeak(precision, 1, side=256)
    for _ in range(BEST_OF + 3):
        peak.measure()
    facts = peak.facts()
    assert len(facts['rounds']) == BEST_OF
    assert facts['best_ms'] == pytest.approx(min(facts['rounds']), abs=1e-3)
    assert facts['gmacs_per_second'] == pytest.approx(0.256**3 * 1000 / facts['best_ms'])


def test_int8_product_of_the_cpu_peak_is_correct():
    peak = CpuPeak('int8', 1, side=256)
    weights = np.random.default_rng(0).integers(-63, 64, (256, 256), np.int8)
    product = peak._factor.astype(int) @ weights.T.astype(int) / 127**2
    peak.measure()
    found = peak._request.get_output_tensor(0).data
    assert np.abs(found - np.clip(product * 127 / 256, -128, 127)).max() <= 0.51


def test_the_table_next_to_a_plain_node_has_a_line_for_each_contender():
    known = {
        'engine_ms': 162.4, 'p50_ms': 205.1, 'p99_ms': 250.0, 'cpu_ms': 310.0, 'loaded_fps': 4.25,
        'loaded_p99_ms': 370.0, 'loaded_cpu_ms': 420.0, 'memory_mb': 330.0,
    }  # fmt: skip
    contenders = [{'name': name, **known} for name in ('ours, fp32', 'plain node, fp32')]
    table = TABLES['peer']({'rates_hz': [3.0, 25.0], 'contenders': contenders}).splitlines()
    assert table[0].startswith('| node | network alone, ms | p50 at 3 Hz, ms | p99 at 3 Hz, ms |')
    assert table[2] == '| ours, fp32 | 162 | 205 | 250 | 310 | 4.2 | 370 | 420 | 330 |'
    assert table[3].startswith('| plain node, fp32 | 162 |') and len(table) == 4


def test_the_table_of_copies_has_a_line_for_each_step():
    steps = [{'step': 'resize', 'by': 'OpenCV', 'bytes': 1769472, 'cpu_ms': 1.234}]
    table = TABLES['copies']({'steps': steps}).splitlines()
    assert table[0] == '| step | by | bytes written | CPU ms |'
    assert table[2:] == ['| resize | OpenCV | 1.8 MB | 1.23 |']


def test_what_a_node_used_is_in_its_table():
    result = {
        'camera': [1080, 1920], 'cameras': 4, 'rate_hz': 10.0, 'sent': 40, 'received': 20,
        'engine_ms': 40.0, 'pipeline_ms': 48.0, 'fps': 20.0, 'fps_over_engine': 0.8, 'rounds': [],
        'memory_mb': 300.0, 'memory_growth_mb': 0.0, 'stages_ms': {},
        **{f'p{percent}_ms': 50.0 for percent in (50, 95, 99)},
        **{f'p{percent}_over_engine': 1.25 for percent in (50, 99)},
        'usage': {
            'cpu_ms': 91.5, 'engine_cpu_ms': 80.0, 'besides_engine_ms': 11.5,
            'besides_engine_cores': 0.23, 'page_faults': 1.5,
        },
    }  # fmt: skip
    table = TABLES['node'](result).splitlines()
    assert table[2] == '| 4 cameras, each | 1920x1080, 10.0 Hz |'
    assert [row.split(' | ')[1].rstrip(' |') for row in table[-3:]] == [
        '91.5, 80.0, 11.5',
        '23.0 %',
        '1.5',
    ]
    del result['usage'], result['cameras']
    before = TABLES['node'](result).splitlines()[2:]
    assert before == ['| camera | 1920x1080, 10.0 Hz |', *table[3:-3]]
