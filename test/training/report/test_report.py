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


"""Reports have the values of the JSON files, and are reproducible."""

import json
import re

import numpy as np
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError
import torch
from training.__main__ import main
from training.pruning.masks import save_masks
from training.report.page import write_report
from training.report.plots import overlap, pareto
from training.report.runs import NoResultsError, read_runs, variants_by_table
from training.report.table import budget, class_table, variant_table

WIDTHS = {'stem': 4, 'body': 8}


def write_run(folder, name, seed, miou, latency=None, **changes):
    result = {
        'name': name,
        'seed': seed,
        'weights': 'ft',
        'params': 1234567,
        'params_not_zero': 1234567,
        'gmacs': 4.511766672,
        'size': [360, 480],
        'widths': WIDTHS,
        'kept_channels': {},
        'dataset': 'camvid',
        'split': 'val',
        'images': 101,
        'miou': miou,
        'iou': {'road': miou + 0.1, 'car': None},
        'epochs': 16,
        **changes,
    }
    run = folder / f'{name}_seed{seed}'
    run.mkdir(parents=True)
    (run / 'result.json').write_text(json.dumps(result))
    if latency:
        (run / 'latency.json').write_text(json.dumps(latency))
    return run


@pytest.fixture
def runs(tmp_path):
    """Return a folder of a dense network, a pruned one of two seeds and a masked one."""
    folder = tmp_path / 'runs'
    times = {'fp32_ms': 31.24, 'int8_ms': None, 'fp32_file_mb': 14.69, 'int8_file_mb': None}
    write_run(folder, 'dense', 0, 0.5031049)
    small = {
        'params': 1000,
        'gmacs': 2.835874128,
        'widths': {'stem': 2, 'body': 8},
        'kept_channels': {'stem': [0, 3], 'norm': [0, 3]},
    }
    write_run(folder, 'lth', 1, 0.42, times, **small)
    write_run(folder, 'lth', 0, 0.40, {**times, 'fp32_ms': 10.0, 'int8_ms': 5.5}, **small)
    other = {**small, 'kept_channels': {'stem': [2, 3], 'norm': [2, 3]}}
    write_run(folder, 'ri', 0, 0.2, **other)
    masked = write_run(folder, 'masks', 0, 0.45, masks='half', params_not_zero=600000)
    save_masks({'stem.weight': torch.tensor([[True, False]])}, masked / 'masks.json')
    return folder


def rows(text):
    cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in text.split('\n')]
    return {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}


def variants_of(folder):
    (variants,) = variants_by_table(read_runs(folder)).values()
    return variants


def test_variant_table_has_the_values_of_the_files(runs):
    table = rows(variant_table(variants_of(runs)))
    assert list(table) == ['dense', 'masks', 'lth', 'ri']
    dense, lth = table['dense'], table['lth']
    assert (dense['parameters'], dense['GMACs'], dense['mIoU']) == ('1 234 567', '4.51', '50.31')
    assert (dense['spread'], dense['FP32 ms']) == ('one seed', 'not measured')
    assert (lth['parameters'], lth['GMACs'], lth['mIoU']) == ('1 000', '2.84', '41.00')
    assert (lth['spread'], lth['FP32 ms'], lth['INT8 ms']) == ('2.00', '20.6', 'not measured')
    assert lth['engine MB FP32 / INT8'] == '14.7 / not measured'
    assert table['masks']['parameters'] == '1 234 567, not zero 600 000'


def test_class_table_and_budget_have_the_values_of_the_files(runs):
    variants = variants_of(runs)
    assert rows(class_table(variants))['lth'] == {
        'variant': 'lth',
        'road': '51.0',
        'car': 'absent',
    }
    words = budget(variants)
    assert words.startswith('camvid, 101 images of split val, 480x360. Epochs: 16. Seeds: 0, 1.')


def test_same_files_make_the_same_report(runs, tmp_path):
    written = []
    for place in ('one', 'two'):
        (tmp_path / place).mkdir()
        files = write_report(runs, tmp_path / place / 'table.md')
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
    text = written[0]['table.md'].decode()
    plots = ('miou_gmacs', 'miou_latency', 'class_iou', 'kept_channels', 'mask_overlap')
    names = [f'table_camvid_{plot}.png' for plot in plots]
    assert re.findall(r'\]\((.*?)\)', text) == names
    assert set(written[0]) == {'table.md', *names}
    assert all(written[0][name].startswith(b'\x89PNG') for name in names)


def test_report_without_latencies_has_no_such_columns_and_plots(tmp_path):
    write_run(tmp_path / 'runs', 'dense', 0, 0.5)
    columns = ['variant', 'parameters', 'GMACs', 'mIoU', 'spread']
    assert list(rows(variant_table(variants_of(tmp_path / 'runs')))['dense']) == columns
    files = write_report(tmp_path / 'runs', tmp_path / 'table.md')
    assert [path.stem for path in files] == [
        'table', 'table_camvid_miou_gmacs', 'table_camvid_class_iou',
    ]  # fmt: skip


def test_runs_on_a_second_dataset_have_their_own_table(runs):
    write_run(runs, 'full', 0, 0.7, weights='transfer', iou={'more': 0.7})
    tables = variants_by_table(read_runs(runs))
    assert [variant.name for variant in tables['camvid_transfer']] == ['full']
    assert 'full' not in [variant.name for variant in tables['camvid']]


def test_overlap_is_intersection_over_union_in_layers_that_both_pruned(runs):
    one = {'stem': np.array([1, 0, 0, 1], bool), 'body': np.array([1, 1], bool)}
    other = {'stem': np.array([0, 0, 1, 1], bool), 'head': np.array([1], bool)}
    assert overlap(one, other) == pytest.approx(1 / 3)
    assert overlap(one, one) == 1
    assert overlap(one, {'head': np.array([1], bool)}) is None
    # Flags end with the last kept channel.
    assert overlap({'a': np.array([1], bool)}, {'a': np.array([0, 0, 1], bool)}) == 0


def test_pareto_front_has_no_dominated_variant():
    assert pareto([4, 2, 3, 1, 2], [50, 40, 39, 10, 41]) == [3, 4, 0]
    assert pareto([1, 1], [5, 5]) == [0]


def test_a_finished_family_can_be_reported(finished_experiment, tmp_path, capsys):
    out = tmp_path / 'report.md'
    assert main(['report', str(finished_experiment.out), '-o', str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(out)
    table = rows(out.read_text().split('\n\n')[3])
    for name in ('dense', *finished_experiment.experiment.variants):
        result = json.loads(finished_experiment.paths(name).result.read_text())
        assert table[name]['mIoU'] == f'{100 * result["miou"]:.2f}'


def test_folders_without_results_raise(runs, tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(NoResultsError, match='no finished run in .*empty: expected'):
        read_runs(tmp_path / 'empty')
    with pytest.raises(FileMissingError, match='folder of runs not found'):
        read_runs(tmp_path / 'nowhere')
    (runs / 'dense_seed0' / 'result.json').write_text('{')
    with pytest.raises(InvalidValueError, match="result.json is 'not JSON'"):
        read_runs(runs)
    (runs / 'dense_seed0' / 'result.json').write_text('{"miou": null}')
    with pytest.raises(InvalidValueError, match='miou is None, expected a split with labels'):
        read_runs(runs)
