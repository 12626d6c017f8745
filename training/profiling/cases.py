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


"""What the command line names becomes ONNX files of the sizes and precisions to measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swiftnet_ros.backends.openvino.engine import PRECISIONS as ENGINE_PRECISIONS
from swiftnet_ros.errors import FileMissingError, UnknownNameError
from swiftnet_ros.model_spec import ModelSpec, read_model, read_spec, write_model
from swiftnet_ros.model_spec.find_model import find_model
from swiftnet_ros.model_spec.qdq import check_pairs
from swiftnet_ros.system.image_size import format_size
from training.datasets.warehouse import FIRST_SEED
from training.export import export
from training.profiling.pyramid_graph import Gmacs, gmacs
from training.quantization.calibration_images import CalibrationImage, NetworkInputs
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.run.checkpoint import Checkpoint, load_checkpoint
from training.run.folder import RunPaths
from training.trainer.initial_weights import untrained_checkpoint
from training.warehouse_renderer import render

# Scales of random weights say nothing, and do not change the time: a few small pictures will do.
_PICTURES = 2
_METHOD = 'max'


class RenderedPictures:
    """Scenes to calibrate with."""

    def __len__(self) -> int:
        """Count the pictures."""
        return _PICTURES

    def __getitem__(self, index: int) -> CalibrationImage:
        """Render one picture."""
        scene = render(FIRST_SEED['train'] + index, 144, 256)
        return CalibrationImage(scene.image, None, f'rendered {index}')


def quantize_untrained(source: Path, small: Path, out: Path) -> Path:
    """
    Write the INT8 file of `source` with the ranges of `small`, the same network of another size.

    It has no golden frame: there is nothing that its labels should be.
    """
    spec = read_spec(source)
    quantizer, calibrated = _quantizer(source), _quantizer(small)
    size = read_spec(small).input_height, read_spec(small).input_width
    calibrated.calibrate(NetworkInputs(RenderedPictures(), *size))
    quantizer.histograms = calibrated.histograms
    model = quantizer.model(_METHOD)
    check_pairs(model, source)
    made = {'method': _METHOD, 'source': 'rendered pictures, random weights'}
    write_model(model, out, replace(spec, precision='int8', calibration=made), None)
    return out


def _quantizer(path: Path) -> Quantizer:
    return Quantizer(fold_for_quantization(read_model(path), read_spec(path), path))


PRECISIONS = (*(name for name in ENGINE_PRECISIONS if name != 'auto'), 'int8')
_RUN_FILE = RunPaths(Path()).trained.name
_FLOAT, _INT8 = '.fp32.onnx', '.int8.onnx'
# The size at which networks with random weights are calibrated, unless theirs is smaller.
_CALIBRATED = (256, 512)
Size = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """One thing to measure: a file of one size in one precision; `file_mb` is in 1e6 bytes."""

    model: str
    path: Path
    height: int
    width: int
    precision: str
    gmacs: Gmacs
    file_mb: float

    @property
    def engine_precision(self) -> str:
        """Give what the engine is asked for: what is not quantized in an int8 file is fp32."""
        return 'fp32' if self.precision == 'int8' else self.precision


def cases_of(
    models: Sequence[Path], sizes: Sequence[Size], precisions: Sequence[str], folder: Path
) -> list[Case]:
    """
    Give the cases of all models, in their order; files that are made go into `folder`.

    A .yaml or .pt is exported at every size (none: its own), an .onnx has its own; what an
    earlier call left in `folder` is taken as it is. An int8 file is measured as such; `int8` in
    `precisions` quantizes a .yaml, and takes the int8 file beside any other float model.
    """
    for name in precisions:
        if name not in PRECISIONS:
            raise UnknownNameError('precision', name, PRECISIONS)
    cases: list[Case] = []
    for name, path in zip(model_names(models), models):
        own_folder = folder / name.replace('/', '_')
        files = list(_files(path, sizes, own_folder))
        own = [case for file in files for case in _cases_of_file(name, file, precisions)]
        if 'int8' in precisions and not any(case.precision == 'int8' for case in own):
            quantized = _quantized_files(path, files, own_folder)
            own += [case for file in quantized for case in _cases_of_file(name, file, precisions)]
        cases += [case for case in own if case not in cases]
    return cases


def model_names(models: Sequence[Path]) -> list[str]:
    """Name models by their files, a run's by its folder; with folders where two would agree."""
    wholes = [_whole_name(path) for path in models]
    unique = {whole.name: len({other for other in wholes if other.name == whole.name})
              for whole in wholes}  # fmt: skip
    return [whole.name if unique[whole.name] == 1 else str(whole) for whole in wholes]


def quantized_file(model: Path) -> Path:
    """Name the int8 file beside a float model: model.int8.onnx in a run, else X.int8.onnx."""
    stem = 'model' if model.suffix == '.pt' else _stem(model)
    return model.with_name(f'{stem}.int8.onnx')


def _whole_name(path: Path) -> Path:
    return path.resolve().parent if path.name == _RUN_FILE else path.with_name(_stem(path))


def _stem(path: Path) -> str:
    return path.name.partition('.')[0]


def _files(path: Path, sizes: Sequence[Size], folder: Path) -> Iterator[Path]:
    """Give a model's ONNX file at every size that is asked for and that it can have."""
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
    if not file.is_file() or _size(read_spec(file)) != size:
        export(checkpoint, file, name, *size)
    return file


def _quantized_files(path: Path, files: Sequence[Path], folder: Path) -> Iterator[Path]:
    if path.suffix != '.yaml':
        yield _existing(quantized_file(path))
        return
    smallest = min([_size(read_spec(file)) for file in files] + [_CALIBRATED])
    small = _exported(untrained_checkpoint(path), path.stem, folder, smallest)
    for file in files:
        out = file.with_name(file.name.replace(_FLOAT, _INT8))
        yield out if out.is_file() else quantize_untrained(file, small, out)


def _size(spec: ModelSpec) -> Size:
    return spec.input_height, spec.input_width


def _cases_of_file(name: str, path: Path, precisions: Sequence[str]) -> list[Case]:
    spec = read_spec(path)
    chosen = [precision for precision in precisions if precision != 'int8']
    counted, file_mb = gmacs(read_model(path)), path.stat().st_size / 1e6
    return [
        Case(name, path, spec.input_height, spec.input_width, precision, counted, file_mb)
        for precision in (['int8'] if spec.precision == 'int8' else chosen)
    ]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileMissingError(path, 'int8 model')
    return path
