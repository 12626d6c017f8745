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

"""TensorRT for RTX builds, without a GPU, the shipped models and the reference networks."""

from dataclasses import replace
import json
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic

from helpers.checkout import ROOT
from helpers.tiny_pair import write_with_operator
from helpers.tiny_quantized import calibrated, export_tiny, MODELS, noise_images
import onnx
import pytest
from swiftnet_ros.backends.options import BackendOptions
from swiftnet_ros.backends.tensorrt.engine_cache import cached_engine, find_or_build
from swiftnet_ros.backends.tensorrt.engine_file import load, read_sidecar
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import BuildError, SwiftnetError
from swiftnet_ros.model_spec import (
    Golden,
    ModelFile,
    read_golden,
    read_model,
    read_model_file,
    read_spec,
    write_model,
)
from swiftnet_ros.model_spec.qdq import check_pairs, with_float_weights
from training.export import export
from training.quantization.fp16 import to_fp16
from training.quantization.quantizer import fold_for_quantization, Quantizer
from training.trainer.initial_weights import untrained_checkpoint

SHIPPED = sorted((ROOT / 'models').glob('*.fp32.onnx'))
REFERENCE = ROOT / 'training' / 'configs' / 'seminar'
# The reference work's parameters: FP32 weights of each network, its norms folded into them.
PARAMETERS = {'full': 22_040_278, 'all': 6_010_806}
HEIGHT, WIDTH = 128, 256
NO_TENSORRT = 'tensorrt_rtx is not installed here: scripts/test.sh brings it'


@pytest.fixture(scope='module', autouse=True)
def tensorrt() -> None:
    """Skip these tests if TensorRT for RTX is not installed."""
    pytest.importorskip('tensorrt_rtx', reason=NO_TENSORRT)


@pytest.fixture(scope='module')
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp('engines')


def request(path: Path, cache: Path, **options) -> tuple[ModelFile, BackendOptions]:
    """Return a model and the options of its engine for compute capability 8.6."""
    values = {'module': 'tensorrt_rtx', 'compute_capability': '8.6', 'engine_cache': str(cache)}
    return read_model_file(path), BackendOptions(**{**values, **options})


def build(path: Path, cache: Path, **options) -> tuple[Path, list[str]]:
    """Build or find an engine; return it and the reported phases."""
    phases = []
    wanted = request(path, cache, **options)
    engine = find_or_build(*wanted, lambda progress: phases.append(progress.phase))
    return engine, phases


def quantized(source: Path, out: Path) -> Path:
    """Return the int8 file shipped next to a source, otherwise make one."""
    shipped = source.with_name(source.name.replace('.fp32.', '.int8.'))
    if shipped.is_file():
        return shipped
    spec = read_spec(source)
    quantizer = Quantizer(fold_for_quantization(read_model(source), spec, source))
    golden = read_golden(source)
    quantizer.calibrate(_inputs(golden, spec.input_height, spec.input_width))
    write_model(
        quantizer.model('max'), out, replace(spec, precision='int8', calibration={}), golden
    )
    return out


def _inputs(golden: Golden | None, height: int, width: int):
    """Return two network inputs of the given size, of the golden frame or of noise."""
    frames = [golden.frame] if golden else []
    frames += noise_images(2 - len(frames))
    return [
        (str(index), to_network_input(Frame(frame), height, width))
        for index, frame in enumerate(frames)
    ]


def converted_to_fp16(source: Path, out: Path) -> Path:
    """Return the fp16 file of a source."""
    spec = replace(read_spec(source), precision='fp16')
    write_model(to_fp16(read_model(source), source), out, spec, read_golden(source))
    return out


@pytest.mark.parametrize('source', SHIPPED, ids=lambda path: path.name)
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_shipped_pair_is_built_and_then_found_in_the_cache(source, precision, cache, tmp_path):
    make = {'fp32': lambda source, out: source, 'fp16': converted_to_fp16, 'int8': quantized}[
        precision
    ]
    path = make(source, tmp_path / source.name.replace('.fp32.', f'.{precision}.'))
    if precision == 'int8':
        check_pairs(read_model(path), path)
    engine, phases = build(path, cache, precision=precision)
    assert phases[0] == 'no such engine yet'
    assert 'building' in phases
    content, sidecar = load(engine)
    assert len(content) > 1_000_000
    assert sidecar.identity.precision == sidecar.spec.precision == precision
    assert sidecar.identity.tensorrt_version
    assert sidecar.spec.class_names == read_spec(source).class_names
    assert sidecar.golden is None or Golden.from_json(sidecar.golden).labels.size
    assert sidecar.build_seconds > 0
    assert build(path, cache, precision=precision) == (engine, [])
    assert cached_engine(*request(path, cache, precision=precision)) == engine


@pytest.mark.parametrize('name', PARAMETERS)
def test_reference_networks_are_built(name, cache, tmp_path):
    path = tmp_path / f'{name}.fp32.onnx'
    export(untrained_checkpoint(REFERENCE / f'{name}.yaml'), path, name, HEIGHT, WIDTH)
    engine, _ = build(path, cache, precision='fp32')
    content, sidecar = load(engine)
    # Norms differ between the levels of a pyramid, so that folding them may triple its weights.
    assert 4 * PARAMETERS[name] * 0.98 < len(content) < 12 * PARAMETERS[name] * 1.1
    assert sidecar.spec.input_width == WIDTH
    assert len(sidecar.spec.classes) == 150


def test_change_of_any_part_of_the_cache_key_builds_again(cache, tmp_path):
    source = SHIPPED[0]
    first, _ = build(source, cache, precision='fp32')
    changes = [{'precision': 'best'}, {'compute_capability': '8.9'}, {'workspace_mb': 512}]
    keys = {read_sidecar(first).identity.key}
    for change in changes:
        options = {'precision': 'fp32', **change}
        assert cached_engine(*request(source, cache, **options)) is None
        engine, phases = build(source, cache, **options)
        assert 'building' in phases
        keys.add(read_sidecar(engine).identity.key)
    model = tmp_path / source.name
    write_model(read_model(source), model, replace(read_spec(source), trained_on='other'), None)
    assert cached_engine(*request(model, cache, precision='fp32')) is None
    assert len(keys) == 4


def test_unsupported_operator_is_named(cache, tmp_path):
    path = write_with_operator(tmp_path / 'odd.onnx', 'Det')
    with pytest.raises(BuildError, match='odd.onnx: this TensorRT has no operator Det'):
        build(path, cache)


@pytest.mark.parametrize(
    ('precision', 'text'),
    [
        (
            'int8',
            'has no calibrators .* use .*lonely.int8.onnx, created with: .* training quantize',
        ),
        ('fp16', 'here fp32; use .*lonely.fp16.onnx, created with: python -m training fp16'),
    ],
)
def test_file_of_the_wrong_precision_names_the_right_one(cache, tmp_path, precision, text):
    path = tmp_path / 'lonely.fp32.onnx'
    path.write_bytes(SHIPPED[0].read_bytes())
    with pytest.raises(SwiftnetError, match=text):
        build(path, cache, precision=precision)


def command(cache: Path, *words: str) -> list[str]:
    target = ['--module', 'tensorrt_rtx', '--compute-capability', '8.6', '--progress-json']
    start = [sys.executable, '-m', 'swiftnet_ros.build_engine', str(SHIPPED[-1])]
    return [*start, *target, '--cache', str(cache), *words]


def test_command_builds_in_its_own_process(tmp_path):
    words = command(tmp_path / 'cache', '--json')
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    *progress, result = [json.loads(line) for line in done.stdout.splitlines()]
    assert result['cached'] is False
    assert load(Path(result['engine']))[1].build_seconds == result['build_seconds']
    phases = [item['phase'] for item in progress]
    assert phases[:3] == ['no such engine yet', 'reading the model', 'building']


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signal_during_a_build_ends_it_at_once_and_leaves_no_file(tmp_path, number):
    cache = tmp_path / 'cache'
    with subprocess.Popen(command(cache), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if json.loads(line)['phase'] == 'building':
                break
        start = monotonic()
        process.send_signal(number)
        process.wait(10)
    assert monotonic() - start < 2
    assert process.returncode == -number
    assert list(cache.iterdir()) == []


@pytest.fixture(scope='module', params=MODELS)
def exported(request, tmp_path_factory) -> Path:
    """Export each kind of network."""
    return export_tiny(tmp_path_factory.mktemp('tensorrt'), MODELS[request.param])


def build_strongly_typed(model: onnx.ModelProto) -> bool:
    """Return whether TensorRT for RTX builds a model for compute capability 8.6."""
    import tensorrt_rtx as trt

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    parsed = parser.parse(model.SerializeToString())
    assert parsed, [parser.get_error(i).desc() for i in range(parser.num_errors)]
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    engine = builder.build_serialized_network(network, config)
    return engine is not None


def test_every_kind_of_int8_and_fp16_file_is_built(exported):
    quantizer = calibrated(exported)
    model = quantizer.model('max')
    with_floats = with_float_weights(model)
    check_pairs(with_floats, exported)
    assert build_strongly_typed(model)
    assert build_strongly_typed(with_floats)
    assert build_strongly_typed(quantizer.model('max', quantizer.layers[::3]))
    assert build_strongly_typed(to_fp16(read_model(exported), exported))
