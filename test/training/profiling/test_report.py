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

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from training.__main__ import main
from training.profiling.report import report, TABLES, with_updated_tables

README, DOCS = ROOT / 'README.md', ROOT / 'docs'
PERFORMANCE = DOCS / 'performance.md'
REFERENCE = DOCS / 'results' / 'bench' / 'blocks.json'
# Multiply-adds of the reference work's full network over those of its network `all`.
GMAC_RATIO = 209.67 / 59.75


def case(model: str, gmacs: float, engine: float, pipeline: float) -> dict:
    """Return one case of a result."""
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
    """Return the keys that identify a case."""
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
    """Return the result of two networks."""
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


@pytest.mark.parametrize(('document', 'least'), [(PERFORMANCE, 10), (README, 0)])
def test_documents_have_the_tables_of_their_json(document, least):
    text = document.read_text()
    assert text.count('<!-- bench ') == text.count('<!-- end bench -->') >= least
    assert with_updated_tables(document) == text


def test_stored_results_are_not_from_the_quick_script():
    for name, size, rounds in (('matrix', [512, 1024], 10), ('reference', [1024, 2048], 5)):
        result = json.loads((DOCS / 'results' / 'bench' / f'{name}.json').read_text())
        assert {(case['height'], case['width']) for case in result['cases']} == {tuple(size)}
        assert len(result['cases']) >= 6 and result['repeats'] >= rounds


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


def test_pruned_network_realizes_95_percent_of_its_gmac_ratio():
    pairs = json.loads(REFERENCE.read_text())['pairs']
    (pair,) = [pair for pair in pairs if pair['of']['precision'] == 'fp32']
    assert (pair['of']['model'], pair['over']['model']) == ('full', 'all')
    assert pair['gmac_ratio'] == pytest.approx(GMAC_RATIO, rel=1e-3)
    assert pair['realised'] >= 0.95
