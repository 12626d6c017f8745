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

"""Turn the models of the command line into ONNX files of each size and precision to measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swiftnet_ros.backends.openvino.engine import PRECISIONS as ENGINE_PRECISIONS
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from swiftnet_ros.model_spec import read_model, read_spec, write_model
from swiftnet_ros.model_spec.find_model import find_model, sibling
from swiftnet_ros.model_spec.qdq import check_pairs
from swiftnet_ros.system.files import write_atomic
from swiftnet_ros.system.image_size import format_size, Size
from training.datasets.warehouse import warehouse
from training.export import export
from training.profiling.pyramid_graph import count_gmacs, Gmacs
from training.quantization.calibration_cache import cache_text, float_tensors, pair_scales
from training.quantization.calibration_images import NetworkInputs
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.run.checkpoint import Checkpoint, load_checkpoint
from training.run.folder import RunPaths
from training.trainer.initial_weights import untrained_checkpoint

PRECISIONS = tuple(name for name in ENGINE_PRECISIONS if name != 'auto')
_RUN_FILE = RunPaths(Path()).trained.name
_FLOAT, _INT8 = '.fp32.onnx', '.int8.onnx'
# The size at which untrained networks are calibrated, unless theirs is smaller.
_CALIBRATION_SIZE = (256, 512)
_CALIBRATION_METHOD = 'max'


@dataclass(frozen=True)
class Case:
    """One file to measure, of one size in one precision; `file_mb` is in 1e6 bytes."""

    model: str
    path: Path
    height: int
    width: int
    precision: str
    gmacs: Gmacs
    file_mb: float


def make_cases(
    models: Sequence[Path], sizes: Sequence[Size], precisions: Sequence[str], folder: Path
) -> list[Case]:
    """
    Return the cases of all models, in their order, and write the files that they need.

    A .yaml or .pt is exported to `folder` at every size (none: its own), unless the file exists;
    an .onnx has its own size. An int8 file is measured in int8 only. `int8` in `precisions`
    quantizes a .yaml, and takes the int8 file next to any other float model.
    """
    for name in precisions:
        if name not in PRECISIONS:
            raise UnknownNameError('precision', name, PRECISIONS)
    cases: list[Case] = []
    for name, path in zip(model_names(models), models):
        model_folder = folder / name.replace('/', '_')
        files = list(_float_files(path, sizes, model_folder))
        found = [case for file in files for case in _cases_of_file(name, file, precisions)]
        if 'int8' in precisions and not any(case.precision == 'int8' for case in found):
            for file in _quantized_files(path, files, model_folder):
                found += _cases_of_file(name, file, precisions)
        cases += [case for case in found if case not in cases]
    return cases


def model_names(models: Sequence[Path]) -> list[str]:
    """Return file names without suffixes, a run's folder name, with parents if names clash."""
    paths = [
        path.resolve().parent if path.name == _RUN_FILE else path.with_name(_stem(path))
        for path in models
    ]
    clashing = {path.name for path in paths if len({p for p in paths if p.name == path.name}) > 1}
    return [str(path) if path.name in clashing else path.name for path in paths]


def quantized_file(model: Path) -> Path:
    """Return the int8 file next to a float model: model.int8.onnx in a run, else X.int8.onnx."""
    stem = 'model' if model.suffix == '.pt' else _stem(model)
    return model.with_name(f'{stem}.int8.onnx')


def quantize_untrained(source: Path, small: Path, out: Path) -> Path:
    """
    Write the INT8 file of `source` with the ranges of `small`, the same network at another size.

    It has no golden frame, because an untrained network predicts nothing to compare with.
    """
    quantizer, calibrated = _quantizer(source), _quantizer(small)
    if set(calibrated.activations) != set(quantizer.activations):
        # The grids of a pooling module need other operators at some sizes.
        calibrated, small = quantizer, source
    # Two small images, because the scales do not change the latency.
    images = warehouse(None, 'train', 2, 144, 256)
    calibrated.calibrate(NetworkInputs(images, *_input_size(small)))
    quantizer.statistics = calibrated.statistics
    model = quantizer.model(_CALIBRATION_METHOD)
    check_pairs(model, source)
    record = {'method': _CALIBRATION_METHOD, 'source': 'rendered images, random weights'}
    write_model(model, out, replace(read_spec(source), precision='int8', calibration=record), None)
    return out


def write_untrained_calibration(quantized: Path) -> Path:
    """
    Write the calibration of implicit INT8 of an untrained pair: the scales of its INT8 file.

    All other tensors get the largest of them, because the scales do not change the latency.
    """
    source, out = sibling(quantized, 'fp32'), quantized.with_suffix('.calibration')
    known = pair_scales(read_model(quantized))
    largest = max(known.values())
    names = float_tensors(read_model(source))
    write_atomic(out, cache_text({name: known.get(name, largest) for name in names}))
    return out


def _quantizer(path: Path) -> Quantizer:
    return Quantizer(fold_for_quantization(read_model(path), read_spec(path), path))


def _stem(path: Path) -> str:
    return path.name.partition('.')[0]


def _float_files(path: Path, sizes: Sequence[Size], folder: Path) -> Iterator[Path]:
    """Yield a model's ONNX file at every requested size that is possible."""
    if path.suffix not in ('.yaml', '.pt'):
        yield find_model(path)
        return
    checkpoint = untrained_checkpoint(path) if path.suffix == '.yaml' else load_checkpoint(path)
    folder.mkdir(exist_ok=True)
    for size in sizes or [(checkpoint.height, checkpoint.width)]:
        yield _exported(checkpoint, path.stem, folder, size)


def _exported(checkpoint: Checkpoint, name: str, folder: Path, size: Size) -> Path:
    file = folder / f'{format_size(size)}{_FLOAT}'
    # These files were once named HEIGHTxWIDTH.
    if not file.is_file() or _input_size(file) != size:
        export(checkpoint, file, name, *size)
    return file


def _quantized_files(path: Path, files: Sequence[Path], folder: Path) -> Iterator[Path]:
    if path.suffix != '.yaml':
        quantized = quantized_file(path)
        if not quantized.is_file():
            raise FileMissingError(quantized, 'int8 model')
        yield quantized
        return
    smallest = min([_input_size(file) for file in files] + [_CALIBRATION_SIZE])
    small = _exported(untrained_checkpoint(path), path.stem, folder, smallest)
    for file in files:
        out = file.with_name(file.name.replace(_FLOAT, _INT8))
        yield out if out.is_file() else quantize_untrained(file, small, out)


def _input_size(path: Path) -> Size:
    spec = read_spec(path)
    return spec.input_height, spec.input_width


def _cases_of_file(name: str, path: Path, precisions: Sequence[str]) -> list[Case]:
    spec = read_spec(path)
    chosen = [precision for precision in precisions if precision != 'int8']
    gmacs, file_mb = count_gmacs(read_model(path)), path.stat().st_size / 1e6
    return [
        Case(name, path, spec.input_height, spec.input_width, precision, gmacs, file_mb)
        for precision in (['int8'] if spec.precision == 'int8' else chosen)
    ]
