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

"""The tables of the README: the shipped models, and the networks of the reference work."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from swiftnet_ros.errors import UnreadableFileError
from swiftnet_ros.model_spec import read_spec
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.system.image_size import format_size
from swiftnet_ros.system.json_reader import read_json_object
from swiftnet_ros.system.library_errors import library_errors
from training.profiling.tables import JsonTree, markdown_table, size_of
from training.report.runs import read_runs, VariantResults, variants_by_table
from training.report.tables import class_percent, number, read_evaluation, read_reference

_BENCH = 'result of bench'
# network of `scripts/bench.sh reference` -> variant of the reference's table and of our experiment
_NETWORKS = {'full': 'dense', 'first2': 'ft_first2', 'all': 'ft_all'}
_TITLES = {
    'full': 'full',
    'first2': 'two of four blocks at half width',
    'all': 'all blocks at half width',
}


def shipped_table(results: Path) -> str:
    """
    Return a row per shipped model: classes, mIoU, speed, and the terms in its file.

    `results` has bench/shipped.json and MODEL/evaluate_int8.json.
    """
    path = results / 'bench' / 'shipped.json'
    bench = read_json_object(path, _BENCH)
    with library_errors(lambda reason: UnreadableFileError(path, _BENCH, reason)):
        cases = [case for case in bench['cases'] if case['precision'] == 'int8']
        names = [str(case['model']) for case in cases]
        speeds = [_shipped_speed(case) for case in cases]
        camera = format_size(cases[0]['pipelines'][0]['camera'])
        processor = _processor(bench['machine'])
    evaluations = [read_evaluation(results / name / 'evaluate_int8.json') for name in names]
    rows = [
        (
            f'[{name}](models/{name}.md)',
            str(len(evaluation['iou'])),
            *speed,
            class_percent(evaluation['miou']),
            _terms(name),
        )
        for name, evaluation, speed in zip(names, evaluations, speeds)
    ]
    fps = f'FPS, frames of {camera}, INT8, {processor}'
    return markdown_table(('model', 'classes', 'input', fps, 'mIoU in %, INT8', 'terms'), rows)


def reference_table(results: Path) -> str:
    """
    Return the reference work's three networks: its mIoU and speed, and those measured here.

    `results` has bench/reference.json, seminar/ade20k.json and lottery/camvid_seeds.
    """
    path = results / 'bench' / 'reference.json'
    bench = read_json_object(path, _BENCH)
    published = read_reference(results / 'seminar' / 'ade20k.json')
    reference = {str(row['arm']): row for row in published.rows}
    ours = {variant.name: variant for variant in _variants(results / 'lottery' / 'camvid_seeds')}
    with library_errors(lambda reason: UnreadableFileError(path, _BENCH, reason)):
        speeds = {name: list(_speeds(bench, name)) for name in _NETWORKS}
        size, processor = size_of(bench['cases'][0]), _processor(bench['machine'])
    full_fps = reference['dense']['fps']
    rows = [
        (
            _TITLES[name],
            number(reference[variant]['miou']),
            f'{reference[variant]["fps"]:.1f} ({reference[variant]["fps"] / full_fps:.2f}x)',
            class_percent(ours[variant].mean('miou')),
            *speeds[name],
        )
        for name, variant in _NETWORKS.items()
    ]
    head = (
        f'network (FPS at {size})',
        f'reference: mIoU in %, {published.data}',
        f'reference: FPS, FP32, {published.device}',
        'here: mIoU in %, CamVid, half as wide, 15 epochs',
        f'here: FPS, FP32, {processor}',
        'here: FPS, INT8, the same CPU',
    )
    return markdown_table(head, rows)


def _variants(folder: Path) -> Sequence[VariantResults]:
    """Return the variants of the only table of a folder of runs."""
    return next(iter(variants_by_table(read_runs(folder)).values()))


def _shipped_speed(case: JsonTree) -> tuple[str, str]:
    """Return input size and frames per second, from a frame to its labels."""
    return size_of(case), f'{1000 / case["pipelines"][0]["pipeline_ms"]["median"]:.1f}'


def _speeds(bench: JsonTree, model: str) -> Iterator[str]:
    """Yield frames per second of a network in fp32 and int8, and its speed-up over `full`."""
    for precision in ('fp32', 'int8'):
        (case,) = (item for item in bench['cases'] if _is(item, model, precision))
        speed_up = 1.0
        for pair in bench['pairs']:
            if _is(pair['of'], 'full', precision) and _is(pair['over'], model, precision):
                speed_up = pair['speed_up']
        yield f'{1000 / case["engine_ms"]["median"]:.2f} ({speed_up:.2f}x)'


def _is(case: JsonTree, model: str, precision: str) -> bool:
    return (case['model'], case['precision']) == (model, precision)


def _terms(model: str) -> str:
    """Return the license and the terms that the file of a shipped model states."""
    spec = read_spec(find_model(model))
    return ': '.join(filter(None, (spec.license, spec.terms))) or 'not stated'


def _processor(machine: JsonTree) -> str:
    """Return the CPU that was measured on; VNNI makes INT8 about three times as fast."""
    has_vnni = any('vnni' in flag for flag in machine['flags'])
    return (
        f'{machine["threads"]} threads of an {machine["cpu"]} {"with" if has_vnni else "without"} '
        'VNNI'
    )
