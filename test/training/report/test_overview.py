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

"""The README's tables of shipped models and of the reference work's networks."""

import json
from pathlib import Path
import shutil
from typing import Any

from package.source_files import ROOT
import pytest
from swiftnet_ros.errors import UnreadableFileError
from training.__main__ import main
from training.report.overview import reference_table, shipped_table

MACHINE = {'cpu': 'AMD EPYC', 'threads': 2, 'flags': ['avx2', 'avx512_vnni']}


def case(model: str, precision: str, engine_ms: float, pipeline_ms: float) -> dict[str, Any]:
    pipeline = {'camera': [1080, 1920], 'pipeline_ms': {'median': pipeline_ms}}
    return {'model': model, 'precision': precision, 'height': 64, 'width': 128,
            'engine_ms': {'median': engine_ms}, 'pipelines': [pipeline]}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return a folder like docs/results with round figures, and one seed of the experiment."""
    cases = [case('street', 'fp32', 90, 100), case('street', 'int8', 10, 12.5)]
    times = {'full': (1000, 400), 'first2': (500, 250), 'all': (250, 160)}
    reference = [
        case(model, precision, ms, ms)
        for model, pair in times.items()
        for precision, ms in zip(('fp32', 'int8'), pair, strict=True)
    ]
    pairs = [
        {'of': first, 'over': second, 'speed_up': speed_up}
        for first, second, speed_up in (
            (reference[0], reference[2], 2.01),
            (reference[0], reference[4], 3.99),
            (reference[1], reference[3], 1.6),
            (reference[1], reference[5], 2.5),
            (reference[0], reference[1], 2.5),
        )
    ]
    for name, content in (
        ('bench/shipped.json', {'machine': MACHINE, 'cases': cases}),
        ('bench/reference.json', {'machine': MACHINE, 'cases': reference, 'pairs': pairs}),
        ('street/evaluate_int8.json',
         {'miou': 0.905, 'iou': {'floor': 0.9, 'rack': None}, 'images': 3}),
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    stored = ROOT / 'docs' / 'results'
    (tmp_path / 'seminar').mkdir()
    shutil.copy(stored / 'seminar' / 'ade20k.json', tmp_path / 'seminar')
    for variant in ('dense', 'ft_first2', 'ft_all'):
        run = f'lottery/camvid_seeds/{variant}_seed0'
        (tmp_path / run).mkdir(parents=True)
        shutil.copy(stored / run / 'result.json', tmp_path / run)
    return tmp_path


def test_shipped_model_has_its_classes_speed_miou_and_terms(results: Path) -> None:
    head, _, row = shipped_table(results).splitlines()
    assert row.startswith(
        '| [street](models/street.md) | 2 | 128x64 | 80.0 | 90.50 | CC-BY-NC-4.0'
    )
    assert row.endswith('and ImageNet weights (Apache-2.0) |')
    assert 'FPS, frames of 1920x1080, INT8, 2 threads of an AMD EPYC with VNNI' in head


def test_networks_of_the_reference_work_are_next_to_ours(results: Path) -> None:
    rows = [line.strip('| ').split(' | ') for line in reference_table(results).splitlines()]
    assert rows[2:] == [
        ['full', '33.89', '18.4 (1.00x)', '48.64', '1.00 (1.00x)', '2.50 (1.00x)'],
        ['two of four blocks at half width', '32.05', '24.6 (1.34x)', '48.24', '2.00 (2.01x)',
         '4.00 (1.60x)'],
        ['all blocks at half width', '31.49', '36.3 (1.97x)', '46.86', '4.00 (3.99x)',
         '6.25 (2.50x)'],
    ]  # fmt: skip
    assert rows[0][0] == 'network (FPS at 128x64)'
    assert rows[0][4] == 'here: FPS, FP32, 2 threads of an AMD EPYC with VNNI'


def test_a_network_that_was_not_measured_is_an_error_with_the_file(results: Path) -> None:
    path = results / 'bench' / 'reference.json'
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, 'cases': content['cases'][1:]}))
    with pytest.raises(UnreadableFileError, match=r'reference\.json'):
        reference_table(results)


def test_tables_of_both_kinds_are_updated_by_one_command(results: Path) -> None:
    page = results / 'page.md'
    page.write_text('<!-- results . reference -->\nold\n<!-- end results -->\n')
    assert main(['bench', '--tables', str(page)]) == 0
    assert '| full | 33.89 |' in page.read_text() and 'old' not in page.read_text()
    assert not (results / 'images').exists()
