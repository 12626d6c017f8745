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

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from swiftnet_ros.model_spec import read_model_file, write_model
from swiftnet_ros.system.paths import path_argument
from training.commands.arguments import CommandParser, dataset_of, print_json
from training.datasets.base import ImageLabelDataset
from training.evaluation.evaluate import evaluate_file
from training.export import export
from training.run.checkpoint import load_checkpoint


def main(arguments: Sequence[str]) -> int:
    """
    Export a checkpoint and compare the file with torch.

    With --dataset the file's own mIoU is measured with the runtime and stored in it.
    """
    parser = CommandParser('export', main.__doc__)
    parser.add_argument('checkpoint', type=path_argument, help='.pt file')
    parser.add_out('.onnx')
    description = 'name of the model; default: the file name without suffixes'
    parser.add_argument('--name', help=description)
    parser.add_size('input size; default: the trained size')
    parser.add_dataset()
    parser.add_json()
    options = parser.parse_args(arguments)
    dataset = dataset_of(options) if options.dataset else None
    checkpoint = load_checkpoint(options.checkpoint)
    trained = (checkpoint.height, checkpoint.width)
    height, width = options.size or trained
    # It was measured at the trained size.
    miou = checkpoint.miou if (height, width) == trained else None
    name = options.name or options.out.name.split('.')[0]
    parity = export(checkpoint, options.out, name, height, width, miou)
    result = {**asdict(parity), 'size': [height, width], 'miou': miou}
    print(
        f'{options.out}: largest logit difference to torch {parity.max_difference:.2e}, '
        f'same class on {parity.agreement:.4%} of pixels'
    )
    if dataset is not None:
        result['miou'] = _store_miou(options.out, dataset)
        print(f'mIoU {result["miou"]}')
    print_json(options, result)
    return 0


def _store_miou(path: Path, dataset: ImageLabelDataset) -> float:
    """Measure the mIoU of a file in FP32 and write it into its specification."""
    miou: float = evaluate_file(str(path), dataset, 'fp32')['miou']
    file = read_model_file(path)
    assert file.graph is not None
    write_model(file.graph, path, replace(file.spec, miou=miou), file.golden)
    return miou
