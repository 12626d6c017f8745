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
"""The results page has the tables of the stored files, and every mark its table."""

import json
from pathlib import Path
import re
import shutil

from helpers.checkout import ROOT
import pytest
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from training.__main__ import main
from training.report.page import page_text, write_page
from training.report.reference_table import read_reference
from training.report.table import NOT_MEASURED

PAGE = ROOT / 'docs' / 'results.md'
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


def write_run(folder, name, miou, fp32_ms=None, int8_ms=None, quantized=None):
    run = folder / f'{name}_seed0'
    run.mkdir(parents=True)
    result = {
        'name': name, 'seed': 0, 'weights': 'lth', 'params': 3608363, 'params_not_zero': 1,
        'gmacs': 4.5, 'size': [360, 480], 'widths': {'stem': 4}, 'kept_channels': {},
        'dataset': 'camvid', 'split': 'val', 'images': 101, 'miou': miou,
        'iou': {'road': miou, 'car': None}, 'epochs': 15,
    }  # fmt: skip
    (run / 'result.json').write_text(json.dumps(result))
    times = {'fp32_ms': fp32_ms, 'int8_ms': int8_ms}
    (run / 'latency.json').write_text(json.dumps(times))
    if quantized:
        (run / 'quantize.json').write_text(json.dumps(quantized))


@pytest.fixture
def page(tmp_path):
    """Return a function that makes a page with one mark, next to an experiment and a reference."""
    runs = tmp_path / 'results' / 'lottery'
    write_run(runs, 'dense', 0.5, 40.0, 20.0, {'miou_before': 0.501, 'miou_after': 0.497})
    write_run(runs, 'lth', 0.47, 16.0)
    (tmp_path / 'results' / 'reference.json').write_text(json.dumps(REFERENCE))

    def make(mark):
        path = tmp_path / 'page.md'
        path.write_text(f'before\n<!-- results {mark} -->\nold\n<!-- end results -->\nafter\n')
        return path

    return make


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith('|')]
    cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]
    return {row[0]: row[1:] for row in cells[2:]}


def test_reference_row_is_compared_with_the_variant_that_it_names(page):
    text = page_text(page('results/lottery beside results/reference.json'))
    assert text.startswith('before\n<!-- results') and text.endswith(
        '<!-- end results -->\nafter\n'
    )
    table = rows(text)
    reference, ours = table['full'][:5], table['full'][5:]
    assert reference == ['22 040 278', '209.67', '33.89', '', '']
    assert ours == ['3 608 363', '4.50', '50.00', '', '']
    assert table['all, LTH'][:5] == [NOT_MEASURED, NOT_MEASURED, '30.50', '3.39', '2.00']
    assert table['all, LTH'][5:] == ['3 608 363', '4.50', '47.00', '3.00', '2.50']
    assert table['all, FT'][4:] == [NOT_MEASURED] * 6
    assert 'Reference: ADE20K, a card.' in text


def test_int8_is_compared_with_the_float_network_of_the_variant(page):
    table = rows(page_text(page('results/lottery int8')))
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
    assert rows(page_text(page('results models'))) == {
        'camvid': ['101', '62.52', NOT_MEASURED, '62.00']
    }
    table = rows(page_text(page('results/camvid iou')))
    assert table == {'sky': ['72.52', '72.00'], 'car': ['absent', 'absent']}


def test_dense_network_is_next_to_the_model(page, tmp_path):
    for place, miou in (('camvid', 0.62), ('camvid/dense', 0.64)):
        folder = tmp_path / 'results' / place
        folder.mkdir()
        content = {'miou': miou, 'images': 101, 'iou': {'sky': miou + 0.1}}
        (folder / 'evaluate_fp32.json').write_text(json.dumps(content))
    models = rows(page_text(page('results models')))
    assert {name: row[1] for name, row in models.items()} == {
        'camvid, dense': '64.00', 'camvid': '62.00',
    }  # fmt: skip
    assert rows(page_text(page('results/camvid iou'))) == {'sky': ['74.00', '72.00']}


def test_corruptions_are_rows_of_all_models(page, tmp_path):
    stored = (('old', 0, [], 0.75), ('new', 0, [], 0.74), ('new', 1, ['gamma=2', 'noise=12'], 0.6))
    for model, number, corruptions, miou in stored:
        folder = tmp_path / 'results' / 'faults' / model
        folder.mkdir(parents=True, exist_ok=True)
        content = {'miou': miou, **({'faults': corruptions} if corruptions else {})}
        (folder / f'{number}.json').write_text(json.dumps(content))
    text = page_text(page('results/faults faults'))
    assert '| corruption | new | old |' in text
    table = {'none': ['74.00', '75.00'], 'gamma=2, noise=12': ['60.00', NOT_MEASURED]}
    assert rows(text) == table


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


def test_results_page_has_the_tables_of_its_files():
    text = PAGE.read_text()
    assert text.count('<!-- results ') == text.count('<!-- end results -->') >= 8
    assert page_text(PAGE) == text, 'run python -m training report --page docs/results.md'
    for name in re.findall(r'\]\((images/results\S+)\)', text):
        assert (PAGE.parent / name).is_file(), name


def test_every_stored_experiment_and_model_is_on_the_page():
    text, results = PAGE.read_text(), PAGE.parent / 'results'
    for result in results.glob('lottery/*/*/result.json'):
        assert f'<!-- results results/lottery/{result.parents[1].name} arms -->' in text
    for path in results.glob('*/evaluate_fp32.json'):
        assert f'<!-- results results/{path.parent.name} iou -->' in text


def test_reference_rows_are_those_of_its_table():
    reference = read_reference(PAGE.parent / 'results' / 'seminar' / 'ade20k.json')
    figures = {row['arm']: row['miou'] for row in reference.rows}
    assert figures == {
        'dense': 33.89,
        'lth_first2': 32.48, 'ft_first2': 32.05, 'ri_first2': 20.39,
        'lth_all': 30.55, 'ft_all': 31.49, 'ri_all': 22.84,
    }  # fmt: skip
