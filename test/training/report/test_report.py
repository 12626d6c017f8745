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
from pathlib import Path
import re
import shutil

import numpy as np
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError, UnknownNameError
import torch
from training.__main__ import main
from training.pruning.masks import save_masks
from training.report.page import page_text, write_page, write_report
from training.report.plots import overlap, pareto
from training.report.runs import NoResultsError, read_runs, variants_by_table
from training.report.tables import budget, class_table, NOT_MEASURED, variant_table

REFERENCE = {
    'source': 'a paper',
    'data': 'ADE20K',
    'device': 'a card',
    'rows': [
        {'row': 'full', 'arm': 'dense', 'params': 22040278, 'gmacs': 209.67, 'miou': 33.89,
         'fps': 18.0},
        {'row': 'all, LTH', 'arm': ['other', 'lth'], 'miou': 30.5, 'fps': 36.0},
        {'row': 'all, FT', 'arm': 'ft', 'miou': 31.5, 'fps': None},
    ],
}  # fmt: skip

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


def test_finished_experiment_can_be_reported(finished_experiment, tmp_path, capsys):
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
    result = json.loads((runs / 'dense_seed0' / 'result.json').read_text())
    (runs / 'dense_seed0' / 'result.json').write_text('{')
    with pytest.raises(InvalidValueError, match='cannot read result of a run .*result.json'):
        read_runs(runs)
    result['miou'] = None
    (runs / 'dense_seed0' / 'result.json').write_text(json.dumps(result))
    with pytest.raises(InvalidValueError, match='miou is None, expected a split with labels'):
        read_runs(runs)


@pytest.fixture
def page(tmp_path):
    """Return a function that makes a page with one mark, next to an experiment and a reference."""
    runs = tmp_path / 'results' / 'lottery'
    dense = write_run(runs, 'dense', 0, 0.5, {'fp32_ms': 40.0, 'int8_ms': 20.0})
    (dense / 'quantize.json').write_text('{"miou_before": 0.501, "miou_after": 0.497}')
    write_run(runs, 'lth', 0, 0.47, {'fp32_ms': 16.0, 'int8_ms': None})
    (tmp_path / 'results' / 'reference.json').write_text(json.dumps(REFERENCE))

    def make(mark):
        path = tmp_path / 'page.md'
        path.write_text(f'before\n<!-- results {mark} -->\nold\n<!-- end results -->\nafter\n')
        return path

    return make


def page_rows(text):
    lines = [line for line in text.splitlines() if line.startswith('|')]
    cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]
    return {row[0]: row[1:] for row in cells[2:]}


def test_reference_row_is_compared_with_the_variant_that_it_names(page):
    text = page_text(page('results/lottery beside results/reference.json'))
    assert text.startswith('before\n<!-- results') and text.endswith(
        '<!-- end results -->\nafter\n'
    )
    table = page_rows(text)
    reference, ours = table['full'][:5], table['full'][5:]
    assert reference == ['22 040 278', '209.67', '33.89', '', '']
    assert ours == ['1 234 567', '4.51', '50.00', '', '']
    assert table['all, LTH'][:5] == [NOT_MEASURED, NOT_MEASURED, '30.50', '3.39', '2.00']
    assert table['all, LTH'][5:] == ['1 234 567', '4.51', '47.00', '3.00', '2.50']
    assert table['all, FT'][4:] == [NOT_MEASURED] * 6
    assert 'Reference: ADE20K, a card.' in text


def test_int8_is_compared_with_the_float_network_of_the_variant(page):
    table = page_rows(page_text(page('results/lottery int8')))
    assert table['dense'] == ['50.10', '49.70', '0.40', '40.0', '20.0', '2.00']
    assert table['lth'] == [
        NOT_MEASURED,
        NOT_MEASURED,
        NOT_MEASURED,
        '16.0',
        NOT_MEASURED,
        NOT_MEASURED,
    ]


def test_variants_without_quantization_have_no_int8_table(page, tmp_path):
    shutil.rmtree(tmp_path / 'results' / 'lottery' / 'dense_seed0')
    assert '| lth |' not in page_text(page('results/lottery int8'))


def test_evaluations_are_tables_of_models_and_classes(page, tmp_path):
    for name, miou in (('fp32', 0.6252), ('int8', 0.62)):
        content = {'miou': miou, 'images': 101, 'iou': {'sky': miou + 0.1, 'car': None}}
        path = tmp_path / 'results' / 'camvid' / f'evaluate_{name}.json'
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    assert page_rows(page_text(page('results models'))) == {
        'camvid': ['101', '62.52', NOT_MEASURED, '62.00']
    }
    table = page_rows(page_text(page('results/camvid iou')))
    assert table == {'sky': ['72.52', '72.00'], 'car': ['absent', 'absent']}


def test_dense_network_is_next_to_the_model(page, tmp_path):
    for place, miou in (('camvid', 0.62), ('camvid/dense', 0.64)):
        folder = tmp_path / 'results' / place
        folder.mkdir()
        content = {'miou': miou, 'images': 101, 'iou': {'sky': miou + 0.1}}
        (folder / 'evaluate_fp32.json').write_text(json.dumps(content))
    models = page_rows(page_text(page('results models')))
    assert {name: row[1] for name, row in models.items()} == {
        'camvid, dense': '64.00', 'camvid': '62.00',
    }  # fmt: skip
    assert page_rows(page_text(page('results/camvid iou'))) == {'sky': ['74.00', '72.00']}


def test_corruptions_are_rows_of_all_models(page, tmp_path):
    stored = (('old', 0, [], 0.75), ('new', 0, [], 0.74), ('new', 1, ['gamma=2', 'noise=12'], 0.6))
    for model, number, corruptions, miou in stored:
        folder = tmp_path / 'results' / 'faults' / model
        folder.mkdir(parents=True, exist_ok=True)
        content = {'miou': miou, **({'faults': corruptions} if corruptions else {})}
        (folder / f'{number}.json').write_text(json.dumps(content))
    text = page_text(page('results/faults faults'))
    assert '| corruption | new | old |' in text
    table = {'none': ['74.00', '75.00'], 'gamma=2, noise=12': ['60.00 (-14.00)', NOT_MEASURED]}
    assert page_rows(text) == table


def test_file_of_all_corruptions_is_several_rows(page, tmp_path):
    folder = tmp_path / 'results' / 'faults' / 'new'
    folder.mkdir(parents=True)
    costs = [{'faults': ['jpeg=30'], 'miou': 0.5}, {'faults': ['cast=0.3'], 'miou': 0.76}]
    (folder / 'all.json').write_text(json.dumps({'miou': 0.75, 'corruptions': costs}))
    rows_of_page = page_rows(page_text(page('results/faults faults')))
    assert rows_of_page == {
        'none': ['75.00'], 'jpeg=30': ['50.00 (-25.00)'], 'cast=0.3': ['76.00 (+1.00)'],
    }  # fmt: skip
    (folder / 'all.json').write_text(json.dumps({'miou': 0.75, 'corruptions': [{'miou': 'low'}]}))
    with pytest.raises(InvalidValueError, match='miou is missing or of another type'):
        page_text(page('results/faults faults'))


def test_command_writes_tables_and_plots_reproducibly(page, tmp_path, capsys):
    path = page('results/lottery plots')
    assert main(['report', '--page', str(path)]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert files[0] == path and len(files) > 2
    named = re.findall(r'\]\((\S+)\)', path.read_text())
    assert [path.parent / name for name in named] == files[1:]
    assert all(file.read_bytes().startswith(b'\x89PNG') for file in files[1:])
    assert page_text(path) == path.read_text()
    before = [file.read_bytes() for file in files]
    assert [file.read_bytes() for file in write_page(path)] == before


def test_folder_without_results_is_a_line_that_says_so(page):
    text = page_text(page('results/nowhere arms'))
    assert '*No results are stored in results/nowhere yet.*' in text


@pytest.mark.parametrize(
    ('mark', 'error', 'words'),
    [
        ('results/lottery arm', UnknownNameError, "table of results 'arm'; did you mean 'arms'"),
        ('results/lottery beside nowhere.json', FileMissingError, 'reference table not found'),
        ('results/nowhere iou', FileMissingError, 'folder of evaluations not found'),
    ],
)
def test_mark_with_unknown_table_or_missing_files_raises(page, mark, error, words):
    with pytest.raises(error, match=words):
        page_text(page(mark))


def test_command_without_page_and_runs_raises(tmp_path, capsys):
    for words in ([], [str(tmp_path)], [str(tmp_path), '-o', 'a.md', '--page', 'b.md']):
        assert main(['report', *words]) == 1
        assert 'expected either RUNS -o OUT.md or --page FILE.md' in capsys.readouterr().err
    assert main(['report', '--page', str(tmp_path / 'nowhere.md')]) == 1
    assert 'page not found' in capsys.readouterr().err
