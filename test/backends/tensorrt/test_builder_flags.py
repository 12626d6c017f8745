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

"""What else TensorRT is told, and what it answers, on every version that has it."""

import json

from helpers.tensorrt_stub import make_stub, names_of, VERSIONS
from helpers.tiny_pair import write_with_operator
from helpers.trt_builds import beside, built, fixture_files, fixture_use, request, TYPED, WEAK
import pytest
from swiftnet_ros.backends.tensorrt.engine_cache import find_or_build
from swiftnet_ros.backends.tensorrt.inspector import read_layers
from swiftnet_ros.errors import BuildError, EngineUnavailableError, SwiftnetError

__all__ = ['fixture_files', 'fixture_use']


@pytest.mark.parametrize('version', WEAK)
@pytest.mark.parametrize('precision', ['fp16', 'int8'])
def test_a_dla_gets_what_it_can_and_the_gpu_the_rest(use, files, version, precision):
    table = beside(files, 'int8.calibration') if precision == 'int8' else None
    told = built(use(version), files, precision='best', calibration=table, dla=1)
    assert (told['default_device_type'], told['DLA_core']) == ('DLA', 1)
    assert told['flags'] == [*(['INT8'] if table else []), 'FP16', 'GPU_FALLBACK']
    assert told['sidecar'].identity.dla == 1
    # What the module says that the DLA does not take.
    assert told['sidecar'].dla_fallback == ('to_float', 'to_planes')


@pytest.mark.parametrize('version', WEAK)
def test_a_dla_core_that_is_not_there_is_refused(use, files, version):
    expected = 'DLA core is 2, expected one of the 2 DLA cores here, counted from 0'
    with pytest.raises(SwiftnetError, match=expected):
        built(use(version), files, precision='fp16', dla=2)


@pytest.mark.parametrize('version', WEAK)
@pytest.mark.parametrize(('precision', 'name'), [('fp32', 'FLOAT'), ('fp16', 'HALF')])
def test_a_precision_is_demanded_of_the_layers_that_multiply(use, files, version, precision, name):
    told = built(use(version), files, precision=precision, obey_precision=True)
    assert 'OBEY_PRECISION_CONSTRAINTS' in told['flags']
    demanded = {layer['name']: layer['precision'] for layer in told['layers']}
    assert demanded == {'to_float': None, 'to_planes': None, 'head': name}


@pytest.mark.parametrize('version', WEAK)
def test_pairs_demand_their_precision_themselves(use, files, version):
    told = built(use(version), beside(files, 'int8.onnx'), obey_precision=True)
    assert 'OBEY_PRECISION_CONSTRAINTS' in told['flags']
    assert {layer['precision'] for layer in told['layers']} == {None}


@pytest.mark.parametrize('version', VERSIONS)
def test_memory_is_limited_where_it_is_asked(use, files, version):
    module = use(version)
    assert built(module, files, precision='fp32')['memory'] == {}
    told = built(module, files, precision='fp32', workspace_mb=256)
    assert told['memory'] == {'WORKSPACE': 256 << 20}
    assert told['sidecar'].workspace_mb == 256


@pytest.mark.parametrize('version', VERSIONS)
def test_timings_are_read_again_but_not_those_of_another(use, files, version):
    module = use(version)
    assert built(module, files, precision='fp32')['timings'] == 'new'
    (timings,) = (files.parent / 'cache').glob('*.timings')
    assert timings.read_text() == f'timings of {module.__version__}'
    assert built(module, files, precision='best')['timings'] == 'read'
    for content in ('timings of another', 'no timings at all'):
        timings.write_text(content)
        told = built(module, files, precision='fp32', workspace_mb=len(content))
        assert told['timings'] == 'new'
        assert timings.read_text() == f'timings of {module.__version__}'


@pytest.mark.parametrize('version', VERSIONS)
def test_progress_has_a_fraction_where_tensorrt_tells_it(use, files, version, monkeypatch):
    module = use(version)
    told = []
    monkeypatch.setattr(
        'swiftnet_ros.backends.tensorrt.progress.ProgressReporter.update',
        lambda *given: told.append(given),
    )
    find_or_build(*request(module, files), lambda progress: None)
    fractions = [fraction for _, phase, fraction in told if phase == 'Building']
    has_monitor = 'IProgressMonitor' in names_of(version)['classes']
    assert fractions == ([0.125, 0.25, 0.375, 0.5, 1.0] if has_monitor else [])


@pytest.mark.parametrize('version', VERSIONS)
def test_the_sidecar_says_what_each_layer_really_got(use, files, version):
    found = built(use(version), files, precision='fp32')['sidecar'].precisions
    assert found == {'to_float': 'fp32', 'to_planes': 'fp32', 'head': 'fp16'}


def reads(text: str, **more):
    """Make a layer of the inspector's that reads one tensor."""
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
def test_precisions_are_read_from_what_inspectors_write(layer, precision):
    text = json.dumps({'Layers': [{'Name': 'a', **layer}]})
    assert read_layers(text) == {'a': precision}


def test_an_inspector_without_details_says_nothing():
    assert read_layers('{"Layers": ["conv1", "conv2"], "Bindings": []}') == {}


@pytest.mark.parametrize('version', VERSIONS)
def test_an_operator_that_is_unknown_or_refused_is_named(use, tmp_path, version):
    module = use(version)
    odd = write_with_operator(tmp_path / 'odd.onnx', 'NonZero')
    with pytest.raises(BuildError, match='operator NonZero the_odd_one: its shape depends on'):
        built(module, odd, precision='fp32')
    module.OnnxParser.supports_operator = lambda self, name: name != 'NonZero'
    with pytest.raises(
        BuildError, match=f'cannot build {odd}: this TensorRT has no operator NonZero'
    ):
        built(module, odd, precision='fp32')


@pytest.mark.parametrize('version', VERSIONS)
def test_what_tensorrt_says_of_a_failure_is_passed_on(use, files, version):
    module = use(version)

    def fail(self, network, config):
        return None

    def refuse(self, logger):
        for text in ('CUDA initialization\nfailure 35', 'one more', 'no builder'):
            logger.log(module.ILogger.Severity.INTERNAL_ERROR, text)
            logger.log(module.ILogger.Severity.WARNING, 'never told')
        raise TypeError('pybind11::init(): factory function returned nullptr')

    module.Builder.build_serialized_network = fail
    with pytest.raises(BuildError, match='tiny.fp32.onnx: it says no more'):
        built(module, files, precision='fp32')
    module.Builder.__init__ = refuse
    expected = 'cannot be used here: CUDA initialization failure 35; no builder$'
    with pytest.raises(EngineUnavailableError, match=expected):
        built(module, files, precision='fp32')


def test_only_tensorrt_rtx_builds_for_a_gpu_that_is_not_there(use, files):
    (rtx,) = [version for version in VERSIONS if version.startswith('tensorrt_rtx')]
    told = built(use(rtx), files, precision='fp32', compute_capability='8.6')
    assert told['capability'] == 'SM86'
    # Nothing was loaded to be asked.
    assert told['sidecar'].precisions == {}
    assert told['sidecar'].identity.gpu_name == 'any'
    with pytest.raises(
        SwiftnetError, match="unknown compute capability '7.2'; did you mean '7.5'"
    ):
        built(use(rtx), files, precision='fp32', compute_capability='7.2')
    for version in set(VERSIONS) - {rtx}:
        with pytest.raises(SwiftnetError, match="'8.6', expected none: this TensorRT builds"):
            built(use(version), files, precision='fp32', compute_capability='8.6')


@pytest.mark.parametrize('version', WEAK)
@pytest.mark.parametrize(
    ('file', 'options', 'text'),
    [
        ('int8', {'precision': 'fp16'}, 'has Q/DQ pairs, fp16 needs a float file; use {fp32}'),
        ('int8', {'precision': 'fp32'}, 'has Q/DQ pairs, fp32 needs a float file; use {fp32}'),
        ('int8', {'dla': 0}, 'has Q/DQ pairs, a DLA needs a float file; use {fp32}'),
        ('int8', {'calibration': 1}, 'INT8 by calibration needs a float file; use {fp32}'),
        ('fp16', {'precision': 'fp32'}, 'it is fp16, fp32 needs an fp32 file; use {fp32}'),
        ('fp16', {'precision': 'int8'}, 'it is fp16, int8 needs an fp32 file; use {fp32}'),
        ('fp16', {'dla': 0}, 'it is fp16, a DLA needs an fp32 file; use {fp32}'),
        ('fp32', {'precision': 'int8'}, 'needs --calibration {tables} .or a folder of images.; u'),
        ('fp32', {'precision': 'fp32', 'dla': 0}, "is 'fp32', expected fp16 or int8, all that a"),
        ('fp32', {'precision': 'fp16', 'calibration': 1}, 'expected precision int8 with it'),
    ],
)
def test_a_wrong_file_is_refused_and_the_right_one_named(use, files, version, file, options, text):
    tables = beside(files, 'int8.calibration')
    if 'calibration' in options:
        options = {**options, 'calibration': tables}
    with pytest.raises(SwiftnetError, match=text.format(fp32=files, tables=tables)):
        built(use(version), beside(files, f'{file}.onnx'), **options)


def test_names_that_a_version_lacks_are_errors_as_in_the_module():
    new, old = make_stub(TYPED[0]), make_stub(WEAK[-1])
    assert not hasattr(new.BuilderFlag, 'FP16')
    assert not hasattr(old, 'IProgressMonitor')
    builder = new.Builder(_logger(new))
    with pytest.raises(AttributeError):
        builder.create_builder_config().int8_calibrator = None
    with pytest.raises(NotImplementedError, match='does not implement Builder.max_threads'):
        _ = builder.max_threads


def _logger(module):
    logger = module.ILogger()
    module.ILogger.log = lambda self, severity, text: None
    return logger
