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

"""python -m training export CHECKPOINT -o OUT.onnx: one ONNX file that keeps the contract."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from swiftnet_ros.errors import InvalidValueError
from swiftnet_ros.model_spec import read_model_file, write_model
from swiftnet_ros.model_spec.spec import LICENSE_HELP, TERMS_HELP
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import check_out, CommandParser, matched, print_json
from training.datasets.base import ImageLabelDataset
from training.evaluation.evaluate import evaluate_file
from training.evaluation.temperature import HIGHEST, LOWEST, with_temperature
from training.export import export, export_calibrated
from training.run.checkpoint import Checkpoint, load_checkpoint
from training.schema.config import check_values


def main(arguments: Sequence[str]) -> int:
    """
    Export a checkpoint and compare the file with torch.

    With --dataset the file's own mIoU is measured with the runtime and stored in it, and with
    --calibrate-confidence its confidences are made the fractions of right pixels of that split.
    """
    options = make_parser().parse_args(arguments)
    check_out(options.out, '.onnx', options.checkpoint)
    if options.calibrate_confidence and options.dataset is None:
        raise InvalidValueError('--calibrate-confidence', 'alone', 'a --dataset with labels')
    checkpoint = _with_terms(load_checkpoint(options.checkpoint), options)
    if options.temperature is not None:
        checkpoint = _with_temperature(checkpoint, options)
    dataset = _dataset(options, checkpoint)
    trained = (checkpoint.height, checkpoint.width)
    height, width = options.size or trained
    name = options.name or options.out.name.split('.')[0]
    result: dict[str, Any] = {'size': [height, width]}
    if options.calibrate_confidence and dataset is not None:
        parity, metrics, confidence = export_calibrated(
            checkpoint, options.out, name, height, width, dataset
        )
        confidence['measured_on'] = f'{len(dataset)} images of {options.dataset} {options.split}'
        result = {**result, 'miou': metrics['miou'], 'confidence': confidence}
        _store_miou(options.out, metrics['miou'])
    else:
        # It was measured at the trained size.
        miou = checkpoint.miou if (height, width) == trained else None
        parity = export(checkpoint, options.out, name, height, width, miou)
        if dataset is not None:
            miou = evaluate_file(str(options.out), dataset, 'fp32')['miou']
            _store_miou(options.out, miou)
        result = {**result, 'miou': miou}
    result = {**asdict(parity), **result, 'license': checkpoint.license}
    _print_result(options, result)
    print_json(options, result)
    return 0


def make_parser() -> CommandParser:
    """Return the parser of the command line."""
    example = 'runs/mine/trained.pt -o mine.fp32.onnx --dataset folder --root DATA'
    parser = CommandParser('export', main.__doc__, example)
    parser.add_argument('checkpoint', type=path_argument, help='.pt file')
    parser.add_out('.onnx')
    description = 'name of the model; default: the file name without suffixes'
    parser.add_argument('--name', help=description)
    parser.add_size('input size; default: the trained size')
    parser.add_dataset()
    parser.add_name_map()
    description = 'fit a temperature on the split of --dataset and divide the logits by it'
    parser.add_argument('--calibrate-confidence', action='store_true', help=description)
    description = 'divide the logits by T, which a network of the same recipe was calibrated to'
    parser.add_argument('--temperature', type=float, metavar='T', help=description)
    parser.add_argument('--license', metavar='SPDX', help=f'{LICENSE_HELP}; default: of the data')
    parser.add_argument('--terms', metavar='TEXT', help=TERMS_HELP)
    parser.add_json()
    return parser


def _with_terms(checkpoint: Checkpoint, options: Namespace) -> Checkpoint:
    """Return the checkpoint with --license and --terms; the others are those of its data."""
    known = checkpoint.known_terms
    license_ids = known.license if options.license is None else options.license
    terms = known.terms if options.terms is None else options.terms
    check_values({'checkpoint.license': license_ids, 'checkpoint.terms': terms})
    return replace(checkpoint, license=license_ids, terms=terms)


def _with_temperature(checkpoint: Checkpoint, options: Namespace) -> Checkpoint:
    """Return the checkpoint with the logits divided by --temperature."""
    temperature = options.temperature
    if options.calibrate_confidence:
        raise InvalidValueError('--temperature', temperature, 'no --calibrate-confidence with it')
    if not LOWEST <= temperature <= HIGHEST:
        raise InvalidValueError('--temperature', temperature, f'{LOWEST:g} to {HIGHEST:g}')
    return with_temperature(checkpoint, temperature)


def _dataset(options: Namespace, checkpoint: Checkpoint) -> ImageLabelDataset | None:
    """Open the dataset of --dataset, with the classes of the checkpoint."""
    if options.dataset is None:
        return None
    return matched(options, checkpoint.classes)


def _print_result(options: Namespace, result: dict[str, Any]) -> None:
    print(
        f'{options.out}: largest logit difference to torch {result["max_difference"]:.2e}, '
        f'same class on {result["agreement"]:.4%} of pixels'
    )
    print(f'license {result["license"] or "unknown: state it with --license"}')
    if options.dataset:
        print(f'mIoU {result["miou"]}')
    if 'confidence' in result:
        found = result['confidence']
        print(
            f'temperature {found["temperature"]:.3f}: expected calibration error '
            f'{found["ece_before"]:.4f} before, {found["ece_after"]:.4f} after; '
            f'{found["labels_changed"]} labels changed'
        )


def _store_miou(path: Path, miou: float | None) -> None:
    """Write the mIoU of a file into its specification."""
    file = read_model_file(path)
    assert file.graph is not None
    write_model(file.graph, path, replace(file.spec, miou=miou), file.golden)
