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

"""The card of a shipped model: what it is, what it was made from, and what it cannot do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os.path import relpath
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.model_spec import ModelSpec, read_spec
from swiftnet_ros.system.image_size import format_size
from swiftnet_ros.system.json_reader import check_kinds, NUMBER, read_json_object
from swiftnet_ros.text import safe_text
from training.datasets.mixture import source_name
from training.evaluation.complexity import count_complexity
from training.profiling.tables import markdown_table, ms
from training.report.tables import corrupted_mious, grouped, NO_PIXELS, number, read_evaluations
from training.run.checkpoint import Checkpoint, load_checkpoint
from training.schema.config import Config, load_config
from training.schema.from_yaml import dataclass_from_tree, load_mapping


@dataclass(frozen=True)
class DataSource:
    """A set of training images: `name` as in the configuration, content, terms of use."""

    name: str
    what: str
    terms: str


@dataclass(frozen=True)
class PretrainedSource:
    """The file of weights that the encoder started from, and its license."""

    name: str
    license: str  # noqa: A003


@dataclass(frozen=True)
class EvaluationFolder:
    """
    A folder of files evaluate_PRECISION.json, and in words what was evaluated on.

    `by_image` names classes whose IoU in single images is shown too.
    """

    folder: str
    on: str
    by_image: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CardText:
    """
    The file card.yaml: what no measurement says, and where the measurements are.

    Paths are relative to it. `runs` are folders with the config.yaml of each stage, in order,
    `bench` are files of `bench --json`, `export` that of `export --json`, `dense` that of
    `count --json` of the network before pruning, `faults` is a folder of files of
    `evaluate --corruption --json`.
    """

    about: str
    terms: str
    commit: str
    limits: list[str]
    sources: list[DataSource]
    evaluations: list[EvaluationFolder]
    runs: list[str]
    commands: str
    pretrained: PretrainedSource | None = None
    dense: str | None = None
    export: str | None = None
    faults: str | None = None
    bench: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


def model_card(model: Path, text: Path, out: Path) -> str:
    """
    Return the card of MODEL.fp32.onnx, MODEL.int8.onnx and MODEL.pt, for a Markdown file `out`.

    Raise InvalidValueError if a source of the runs or the pretrained weights lack their terms.
    """
    card = dataclass_from_tree(CardText, load_mapping(text, 'card'), f'{text}: ')
    checkpoint = load_checkpoint(model.with_name(f'{model.name}.pt'))
    configs = [load_config(text.parent / run / 'config.yaml') for run in card.runs]
    _check_terms(card, configs, checkpoint, text)
    specs = {
        precision: read_spec(path)
        for precision in ('fp32', 'int8')
        if (path := _file(model, precision)).is_file()
    }
    if not specs:
        raise FileMissingError(_file(model, 'fp32'), 'model')
    sections = [
        f'# {next(iter(specs.values())).name}',
        card.about.strip(),
        markdown_table(('', ''), _facts(card, text, model, checkpoint, specs)),
        _terms(card),
        _recipe(card, text, out, configs),
        *(_evaluation(item, text) for item in card.evaluations),
        _corruptions(text.parent / card.faults) if card.faults else '',
        '## What it cannot do\n\n' + '\n'.join(f'- {limit}' for limit in card.limits),
        *(_image(text.parent / image, out) for image in card.images),
    ]
    return '\n\n'.join(filter(None, sections)) + '\n'


def _check_terms(
    card: CardText, configs: Sequence[Config], checkpoint: Checkpoint, text: Path
) -> None:
    known = {source.name for source in card.sources}
    for config in configs:
        data = config.data
        for name in [source_name(item) for item in data.sources] or [data.dataset]:
            if name not in known:
                raise InvalidValueError(f'{text}: sources', sorted(known), f'{name} too')
    if checkpoint.pretrained_sha256 and card.pretrained is None:
        expected = f'name and license of the file {checkpoint.pretrained_sha256}'
        raise InvalidValueError(f'{text}: pretrained', None, expected)


def _facts(
    card: CardText, text: Path, model: Path, checkpoint: Checkpoint, specs: dict[str, ModelSpec]
) -> list[tuple[str, str]]:
    config, spec = checkpoint.model, next(iter(specs.values()))
    kind = 'single-scale SwiftNet' if config.variant == 'single_scale' else 'pyramidal SwiftNet'
    levels = '' if config.variant == 'single_scale' else f', {config.levels} levels'
    size = (spec.input_height, spec.input_width)
    files = [model.with_name(f'{model.name}{end}') for end in ('.int8.onnx', '.fp32.onnx', '.pt')]
    sizes = [f'`{p.name}` ({p.stat().st_size / 1e6:.1f} MB)' for p in files if p.is_file()]
    rows = [
        ('network', f'{kind}, {config.encoder}{levels}, output stride {config.output_stride}'),
        ('classes', ', '.join(safe_text(name) for name in spec.class_names)),
        ('input', f'{format_size(size)}, to which images of any size are stretched'),
        ('parameters, multiply-adds', _complexity(checkpoint, size, card, text)),
        ('files', ', '.join(sizes)),
        ('terms', ': '.join(filter(None, (spec.license, spec.terms))) or 'not stated'),
        *_int8_facts(specs),
        *_confidence_facts(card, text),
        *(row for path in card.bench for row in _latency_facts(text.parent / path, spec.name)),
    ]
    if card.pretrained is not None:
        digest = f', SHA-256 `{checkpoint.pretrained_sha256}`'
        given = f'{card.pretrained.name}, {card.pretrained.license}'
        rows.append(
            ('pretrained encoder', given + (digest if checkpoint.pretrained_sha256 else ''))
        )
    return rows


def _complexity(checkpoint: Checkpoint, size: tuple[int, int], card: CardText, text: Path) -> str:
    found = count_complexity(checkpoint.network(), *size)
    shown = f'{grouped(found.params)}; convolutions {found.conv_gmacs:.2f} GMACs'
    if card.dense is None:
        return shown
    path = text.parent / card.dense
    dense, name = read_json_object(path, 'count'), f'count {path}'
    check_kinds(dense, {'params': int, 'conv_gmacs': NUMBER, 'size': list}, name)
    if dense['size'] != list(size):
        raise InvalidValueError(f'{name}: size', dense['size'], str(list(size)))
    removed = 1 - found.conv_gmacs / dense['conv_gmacs']
    return (
        f'{shown} (dense: {grouped(dense["params"])}; {dense["conv_gmacs"]:.2f}; '
        f'{removed:.0%} pruned)'
    )


def _int8_facts(specs: dict[str, ModelSpec]) -> list[tuple[str, str]]:
    record = specs['int8'].calibration if 'int8' in specs else None
    if record is None:
        return []
    parts = [
        f'{record.get("count")} calibration images of {record.get("source")}',
        f'method {record.get("method")}',
        f'{record.get("weight_bits")} bits for weights',
        f'in float: {", ".join(record.get("layers_float") or ["no layer"])}',
        'fine-tuned (QAT)' if 'finetuning' in record else 'not fine-tuned',
    ]
    return [('INT8', ', '.join(parts))]


def _confidence_facts(card: CardText, text: Path) -> list[tuple[str, str]]:
    if card.export is None:
        return []
    path = text.parent / card.export
    found = read_json_object(path, 'export').get('confidence')
    if found is None:
        return []
    name, keys = f'export {path}', ('temperature', 'ece_before', 'ece_after')
    check_kinds(found, {**dict.fromkeys(keys, NUMBER), 'measured_on': str}, name)
    before, after = found['ece_before'], found['ece_after']
    shown = f'{before:.3f} before, {after:.3f} after temperature {found["temperature"]:.2f}'
    return [('expected calibration error', f'{shown} ({safe_text(found["measured_on"])})')]


def _latency_facts(path: Path, name: str) -> list[tuple[str, str]]:
    result = read_json_object(path, 'result of bench')
    what = f'result of bench {path}'
    check_kinds(result, {'machine': dict, 'cases': list}, what)
    machine, times = result['machine'], []
    check_kinds(machine, {'threads': int, 'cpu': str, 'flags': list}, what)
    for case in result['cases']:
        if not isinstance(case, dict):
            raise InvalidValueError(f'{what}: cases', case, 'objects')
        check_kinds(case, {'model': str, 'used_precision': str, 'engine_ms': dict}, what)
        check_kinds(case['engine_ms'], {'median': NUMBER}, what)
        if case['model'] == name:
            times.append(f'{case["used_precision"]} {ms(case["engine_ms"]["median"])}')
    if not times:
        raise InvalidValueError(f'{what}: cases', len(result['cases']), f'cases of {name}')
    flags = ' '.join(map(str, machine['flags']))
    where = f'{machine["threads"]} threads of {machine["cpu"]} ({flags})'
    return [(f'inference in ms on {safe_text(where)}', ', '.join(times))]


def _terms(card: CardText) -> str:
    rows = [(item.name, item.what, item.terms) for item in card.sources]
    table = markdown_table(('source', 'what', 'terms'), rows)
    return f'## Data and terms\n\n{table}\n\n{card.terms.strip()}'


def _recipe(card: CardText, text: Path, out: Path, configs: Sequence[Config]) -> str:
    rows = []
    for run, config in zip(card.runs, configs, strict=True):
        path = text.parent / run / 'config.yaml'
        train, weights = config.train, config.distillation.teacher
        link = f'[{safe_text(config.name)}]({relpath(path, out.parent)})'
        distilled = 'distilled' if weights else ''
        epochs, rate = str(train.epochs), f'{config.optimizer.lr:g}'
        rows.append((link, epochs, str(train.batch_size), rate, str(train.seed), distilled))
    table = markdown_table(('run', 'epochs', 'batch', 'rate', 'seed', ''), rows)
    commands = f'```\n{card.commands.strip()}\n```'
    return f'## Recipe\n\nCode of commit {card.commit}.\n\n{table}\n\n{commands}'


def _evaluation(item: EvaluationFolder, text: Path) -> str:
    """Return a table of the IoU of every class by precision, with mIoU and calibration error."""
    found = read_evaluations(text.parent / item.folder)
    if not found:
        raise FileMissingError(text.parent / item.folder / 'evaluate_fp32.json', 'evaluation')
    classes = list(next(iter(found.values()))['iou'])
    values = {name: [e['iou'].get(name) for e in found.values()] for name in classes}
    absent = [name for name in classes if all(value is None for value in values[name])]
    rows = [(name, *map(_fraction, values[name])) for name in classes if name not in absent]
    if absent:
        rows.append((', '.join(absent), *map(_fraction, values[absent[0]])))
    rows.append(('**mIoU**', *(_fraction(e['miou']) for e in found.values())))
    for name in item.by_image:
        for key, words in (('mean', 'mean of images'), ('worst_tenth', 'worst tenth of images')):
            means = ((e.get('by_image') or {}).get(name, {}).get(key) for e in found.values())
            rows.append((f'{name}, {words}', *map(_fraction, means)))
    if any('ece' in evaluation for evaluation in found.values()):
        errors = (number(evaluation.get('ece'), 3) for evaluation in found.values())
        rows.append(('calibration error', *errors))
    return f'## IoU on {item.on}\n\n' + markdown_table(('class', *found), rows)


def _corruptions(folder: Path) -> str:
    rows = [
        (corruption, _fraction(miou))
        for path in sorted(folder.glob('*.json'))
        for corruption, miou in corrupted_mious(path)
    ]
    return '## Corrupted images\n\n' + markdown_table(('corruption', 'mIoU'), rows)


def _image(path: Path, out: Path) -> str:
    if not path.is_file():
        raise FileMissingError(path, 'image')
    return f'![label images]({relpath(path, out.parent)})'


def _fraction(value: Any) -> str:
    return NO_PIXELS if value is None else f'{value:.3f}'


def _file(model: Path, precision: str) -> Path:
    return model.with_name(f'{model.name}.{precision}.onnx')
