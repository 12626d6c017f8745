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

"""Builder configuration, progress and layer precisions with every version of TensorRT."""

import json

from helpers.tensorrt_builds import (
    build,
    request,
    sibling,
    WEAKLY_TYPED,
)
from helpers.tensorrt_stub import names_of, VERSIONS
from helpers.tiny_pair import write_with_operator
import pytest
from swiftnet_ros.backends.tensorrt import engine_cache
from swiftnet_ros.backends.tensorrt.engine_cache import cached_engine, find_or_build
from swiftnet_ros.backends.tensorrt.inspector import read_layers
from swiftnet_ros.errors import BuildError, EngineUnavailableError, SwiftnetError


@pytest.mark.parametrize('version', WEAKLY_TYPED)
@pytest.mark.parametrize('precision', ['fp16', 'int8'])
def test_a_dla_runs_its_layers_and_the_gpu_the_others(tensorrt, files, version, precision):
    table = sibling(files, 'int8.calibration') if precision == 'int8' else None
    recorded = build(tensorrt(version), files, precision='best', calibration=table, dla=1)
    assert (recorded['default_device_type'], recorded['DLA_core']) == ('DLA', 1)
    assert recorded['flags'] == [*(['INT8'] if table else []), 'FP16', 'GPU_FALLBACK']
    assert recorded['sidecar'].identity.dla == 1
    # The stub's DLA supports convolutions only.
    assert recorded['sidecar'].dla_fallback == ('to_float', 'to_planes')


@pytest.mark.parametrize('version', WEAKLY_TYPED)
def test_a_missing_dla_core_raises(tensorrt, files, version):
    expected = 'DLA core is 2, expected one of the 2 DLA cores of this device, counted from 0'
    with pytest.raises(SwiftnetError, match=expected):
        build(tensorrt(version), files, precision='fp16', dla=2)


@pytest.mark.parametrize('version', WEAKLY_TYPED)
@pytest.mark.parametrize(('precision', 'name'), [('fp32', 'FLOAT'), ('fp16', 'HALF')])
def test_obey_precision_constrains_matrix_layers(tensorrt, files, version, precision, name):
    recorded = build(tensorrt(version), files, precision=precision, obey_precision=True)
    assert 'OBEY_PRECISION_CONSTRAINTS' in recorded['flags']
    constrained = {layer['name']: layer['precision'] for layer in recorded['layers']}
    assert constrained == {'to_float': None, 'to_planes': None, 'head': name}


@pytest.mark.parametrize('version', WEAKLY_TYPED)
def test_obey_precision_leaves_explicit_int8_unconstrained(tensorrt, files, version):
    recorded = build(tensorrt(version), sibling(files, 'int8.onnx'), obey_precision=True)
    assert 'OBEY_PRECISION_CONSTRAINTS' in recorded['flags']
    assert {layer['precision'] for layer in recorded['layers']} == {None}


@pytest.mark.parametrize('version', VERSIONS)
def test_workspace_is_limited_by_option_only(tensorrt, files, version):
    module = tensorrt(version)
    assert build(module, files, precision='fp32')['memory'] == {}
    recorded = build(module, files, precision='fp32', workspace_mb=256)
    assert recorded['memory'] == {'WORKSPACE': 256 << 20}
    assert recorded['sidecar'].workspace_mb == 256


@pytest.mark.parametrize('version', VERSIONS)
def test_timing_cache_is_reused_for_the_same_tensorrt_only(tensorrt, files, version):
    module = tensorrt(version)
    assert build(module, files, precision='fp32')['timings'] == 'new'
    (timings,) = (files.parent / 'cache').glob('*.timings')
    assert timings.read_text() == f'timings of {module.__version__}'
    assert build(module, files, precision='best')['timings'] == 'read'
    for content in ('timings of another', 'no timings at all'):
        timings.write_text(content)
        recorded = build(module, files, precision='fp32', workspace_mb=len(content))
        assert recorded['timings'] == 'new'
        assert timings.read_text() == f'timings of {module.__version__}'
    # Others may have written it.
    timings.chmod(0o666)
    assert build(module, files, precision='fp32', workspace_mb=7)['timings'] == 'new'


def test_calibration_that_changes_during_the_build_is_not_cached(
    tensorrt, files, tmp_path, monkeypatch
):
    table = tmp_path / 'own.calibration'
    table.write_bytes(sibling(files, 'int8.calibration').read_bytes())
    wanted = request(tensorrt(WEAKLY_TYPED[0]), files, precision='int8', calibration=table)
    built = engine_cache.build

    def change(*arguments):
        result = built(*arguments)
        table.write_bytes(table.read_bytes() + b'\n')
        return result

    monkeypatch.setattr(engine_cache, 'build', change)
    with pytest.raises(BuildError, match='its calibration changed meanwhile'):
        find_or_build(*wanted, lambda progress: None)
    assert cached_engine(*wanted) is None


@pytest.mark.parametrize('version', VERSIONS)
def test_progress_has_a_fraction_if_tensorrt_has_a_monitor(tensorrt, files, version, monkeypatch):
    module = tensorrt(version)
    recorded = []
    monkeypatch.setattr(
        'swiftnet_ros.backends.tensorrt.progress.ProgressReporter.update',
        lambda *given: recorded.append(given),
    )
    find_or_build(*request(module, files), lambda progress: None)
    fractions = [fraction for _, phase, fraction in recorded if phase == 'Building']
    has_monitor = 'IProgressMonitor' in names_of(version)['classes']
    assert fractions == ([0.125, 0.25, 0.375, 0.5, 1.0] if has_monitor else [])


@pytest.mark.parametrize('version', VERSIONS)
def test_the_sidecar_has_the_precision_of_each_layer(tensorrt, files, version):
    found = build(tensorrt(version), files, precision='fp32')['sidecar'].precisions
    assert found == {'to_float': 'fp32', 'to_planes': 'fp32', 'head': 'fp16'}


def reads(text: str, **more):
    """Return a layer, as the inspector reports it, with one input."""
    return {'Inputs': [{'Name': 'x', 'Format/Datatype': text}], **more}


@pytest.mark.parametrize(
    ('layer', 'precision'),
    [
        (reads('Thirty-two wide channel vectorized row major Int8 format'), 'int8'),
        (reads('Channel major FP16 format where channel % 8 == 0'), 'fp16'),
        (reads('Row major linear FP32'), 'fp32'),
        (reads('Row major UInt8'), 'uint8'),
        (reads('Float', Weights={'Type': 'Int8', 'Count': 4}), 'int8'),
        ({'Inputs': [{'Format': 'Row major', 'Datatype': 'BFloat16'}]}, 'bf16'),
        ({'Inputs': [], 'Outputs': [{'Format/Datatype': 'Half'}]}, 'fp16'),
    ],
)
def test_precisions_are_read_from_the_inspector(layer, precision):
    text = json.dumps({'Layers': [{'Name': 'a', **layer}]})
    assert read_layers(text) == {'a': precision}


def test_layers_without_details_are_left_out():
    assert read_layers('{"Layers": ["conv1", "conv2"], "Bindings": []}') == {}


@pytest.mark.parametrize('version', VERSIONS)
def test_an_unsupported_operator_is_named(tensorrt, tmp_path, version):
    module = tensorrt(version)
    model = write_with_operator(tmp_path / 'unsupported.onnx', 'NonZero')
    with pytest.raises(BuildError, match='operator NonZero the_odd_one: its shape depends on'):
        build(module, model, precision='fp32')
    module.OnnxParser.supports_operator = lambda self, name: name != 'NonZero'
    with pytest.raises(
        BuildError, match=f'cannot build {model}: this TensorRT has no operator NonZero'
    ):
        build(module, model, precision='fp32')


@pytest.mark.parametrize('version', VERSIONS)
def test_errors_of_tensorrt_are_in_the_message(tensorrt, files, version):
    module = tensorrt(version)

    def fail(self, network, config):
        return None

    def raise_errors(self, logger):
        for text in ('CUDA initialization\nfailure 35', 'one more', 'no builder'):
            logger.log(module.ILogger.Severity.INTERNAL_ERROR, text)
            logger.log(module.ILogger.Severity.WARNING, 'a warning')
        raise TypeError('pybind11::init(): factory function returned nullptr')

    module.Builder.build_serialized_network = fail
    with pytest.raises(BuildError, match='tiny.fp32.onnx: no reason given'):
        build(module, files, precision='fp32')
    module.Builder.__init__ = raise_errors
    expected = 'cannot be used here: CUDA initialization failure 35; no builder$'
    with pytest.raises(EngineUnavailableError, match=expected):
        build(module, files, precision='fp32')


def test_only_tensorrt_rtx_builds_for_another_gpu(tensorrt, files):
    (rtx,) = [version for version in VERSIONS if version.startswith('tensorrt_rtx')]
    recorded = build(tensorrt(rtx), files, precision='fp32', compute_capability='8.6')
    assert recorded['capability'] == 'SM86'
    # The engine does not load here.
    assert recorded['sidecar'].precisions == {}
    assert recorded['sidecar'].identity.gpu_name == 'any'
    with pytest.raises(
        SwiftnetError, match="unknown compute capability '7.2'; did you mean '7.5'"
    ):
        build(tensorrt(rtx), files, precision='fp32', compute_capability='7.2')
    for version in set(VERSIONS) - {rtx}:
        with pytest.raises(SwiftnetError, match="'8.6', expected none: this TensorRT builds"):
            build(tensorrt(version), files, precision='fp32', compute_capability='8.6')


@pytest.mark.parametrize('version', WEAKLY_TYPED)
@pytest.mark.parametrize(
    ('file', 'options', 'text'),
    [
        ('int8', {'precision': 'fp16'}, 'has Q/DQ pairs, but fp16 needs a float file; use {fp32}'),
        ('int8', {'precision': 'fp32'}, 'has Q/DQ pairs, but fp32 needs a float file; use {fp32}'),
        ('int8', {'dla': 0}, 'has Q/DQ pairs, but a DLA needs a float file; use {fp32}'),
        ('int8', {'calibration': 1}, 'INT8 by calibration needs a float file; use {fp32}'),
        ('fp16', {'precision': 'fp32'}, 'it is fp16, but fp32 needs an fp32 file; use {fp32}'),
        ('fp16', {'precision': 'int8'}, 'it is fp16, but int8 needs an fp32 file; use {fp32}'),
        ('fp16', {'dla': 0}, 'it is fp16, but a DLA needs an fp32 file; use {fp32}'),
        ('fp32', {'precision': 'int8'}, 'needs --calibration {tables} .or a folder of images.; u'),
        ('fp32', {'precision': 'fp32', 'dla': 0}, "is 'fp32', expected fp16 or int8, all that a"),
        ('fp32', {'precision': 'fp16', 'calibration': 1}, 'calibration also needs precision int8'),
    ],
)
def test_a_wrong_file_raises_with_the_right_one(tensorrt, files, version, file, options, text):
    tables = sibling(files, 'int8.calibration')
    if 'calibration' in options:
        options = {**options, 'calibration': tables}
    with pytest.raises(SwiftnetError, match=text.format(fp32=files, tables=tables)):
        build(tensorrt(version), sibling(files, f'{file}.onnx'), **options)
