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

"""Failures of the TensorRT backend: an error of one line, and everything is freed."""

import sys

from helpers.fake_gpu import CudaError, FakeGpu
from helpers.fake_tensorrt_runtime import IoTensor
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup
import numpy as np
import pytest
from swiftnet_ros.backends.cuda import device, nvrtc
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.backends.tensorrt.engine import TensorRtBackend
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import (
    BackendClosedError,
    DeviceMemoryError,
    EngineFailedError,
    EngineFileError,
    EngineMismatchError,
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    SwiftnetError,
)
from swiftnet_ros.segmenter import Segmenter

IMAGE, LOGITS = (1, 48, 64, 3), (1, 5, 12, 16)


@pytest.fixture
def setup(monkeypatch, tiny_path):
    """Install fakes whose network is the tiny model."""
    with open_backend(tiny_path, 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        yield setup


@pytest.fixture
def path(setup, tmp_path):
    """Write an engine file."""
    return setup.write_engine(tmp_path / 'tiny.engine')


@pytest.fixture
def frame(noise):
    """Return a camera frame."""
    return Frame(noise(31, 77))


CALLS_OF_OPEN = [
    'init', 'Device', 'make_context', 'Stream', 'module_from_buffer', 'Runtime',
    'deserialize_cuda_engine', 'mem_alloc', 'create_execution_context',
    'set_tensor_address image', 'set_tensor_address logits',
]  # fmt: skip
CALLS_OF_SEGMENT = [
    'pagelocked_empty', 'mem_alloc', 'memcpy_htod', 'cuEventCreate', 'cuEventRecord',
    'memcpy_htod_async', 'resize_frame', 'execute_async_v3', 'mark_candidates_f32',
    'argmax_labels_f32_u8', 'memcpy_dtoh_async', 'synchronize', 'cuEventElapsedTime',
]  # fmt: skip


@pytest.mark.parametrize('name', CALLS_OF_OPEN)
def test_everything_is_freed_if_opening_fails(setup, path, name):
    setup.gpu.failing[name] = CudaError(f'{name} failed: odd\nerror')
    with pytest.raises(SwiftnetError, match=name) as caught:
        TensorRtBackend(path)
    assert '\n' not in str(caught.value)
    assert not setup.gpu.alive and setup.gpu.depth == 0


@pytest.mark.parametrize('name', CALLS_OF_SEGMENT)
def test_the_frame_after_a_failed_one_is_segmented(setup, path, frame, name):
    with TensorRtBackend(path) as engine:
        setup.gpu.failing[name] = (
            719 if name.startswith('cu') else CudaError(f'{name}: odd\nerror')
        )
        with pytest.raises(EngineFailedError, match=name) as caught:
            engine.segment(frame, (31, 77))
        assert '\n' not in str(caught.value)
        setup.gpu.failing.clear()
        assert engine.segment(frame, (31, 77)).labels.shape == (31, 77)
    assert not setup.gpu.alive and setup.gpu.depth == 0


@pytest.mark.parametrize(
    ('failing_cuda', 'failing_tensorrt', 'absent'),
    [
        ({'cuStreamBeginCapture_v2': 900}, {}, set()),
        ({'cuStreamEndCapture': 901}, {}, set()),
        ({'cuGraphInstantiateWithFlags': 1}, {}, set()),
        ({'cuEventRecordWithFlags': 1}, {}, set()),
        ({}, {'execute while captured': 'operation not permitted'}, set()),
        ({}, {}, {'cuGraphInstantiateWithFlags'}),
    ],
)
def test_work_that_cannot_be_captured_runs_without_a_graph(
    setup, path, frame, failing_cuda, failing_tensorrt, absent
):
    setup.gpu.failing.update(failing_cuda)
    setup.network.failing.update(failing_tensorrt)
    setup.gpu.library.absent = absent
    with TensorRtBackend(path) as engine:
        results = [engine.segment(frame, (31, 77)).labels for _ in range(3)]
        engine.segment(frame, (30, 70))
        assert not engine.uses_cuda_graph
    assert len(np.unique(results[0])) > 1
    for labels in results[1:]:
        np.testing.assert_array_equal(labels, results[0])
    assert 'cuGraphLaunch' not in setup.gpu.calls
    # Capture is tried once, not for each frame format.
    assert setup.gpu.calls.count('cuStreamBeginCapture_v2') == (0 if absent else 1)
    assert not setup.gpu.alive


def test_objects_are_freed_before_what_they_depend_on(setup, path, frame):
    with TensorRtBackend(path) as engine:
        engine.segment(frame, (31, 77), True)
        before = len(setup.gpu.calls)
    freed = setup.gpu.calls[before:]
    order = [
        'cuGraphExecDestroy', 'cuEventDestroy_v2', 'free', 'free execution context',
        'free engine', 'free runtime',
    ]  # fmt: skip
    assert [freed.index(name) for name in order] == sorted(freed.index(name) for name in order)
    assert not setup.gpu.alive
    engine.close()
    with pytest.raises(BackendClosedError, match="'tensorrt' is closed"):
        Segmenter(engine).segment(frame, output_size=(31, 77))


def test_an_error_of_tensorrt_is_in_the_message(setup, path, frame):
    with TensorRtBackend(path) as engine:
        setup.network.failing['execute_async_v3'] = 'enqueueV3: illegal memory\naccess'
        with pytest.raises(EngineFailedError, match='failed: enqueueV3: illegal memory access;'):
            engine.segment(frame, (31, 77))
        setup.network.failing.clear()
        engine.segment(frame, (31, 77))


def test_an_engine_that_tensorrt_rejects_is_an_error_with_its_reason(setup, path):
    setup.network.failing['deserialize_cuda_engine'] = 'Version tag does not match'
    with pytest.raises(EngineFileError, match='rejects it .Version tag does not match.'):
        TensorRtBackend(path)
    assert not setup.gpu.alive


def test_too_little_memory_for_the_context_is_an_error_with_sizes(setup, path):
    setup.network.failing['create_execution_context'] = 'out of memory'
    setup.network.context_bytes = 2_000_000_000
    expected = 'memory for the network: it needs 2000.0 MB, 1073.7 MB of 1073.7 MB are free'
    with pytest.raises(DeviceMemoryError, match=expected):
        TensorRtBackend(path)
    setup.network.context_bytes = 0
    with pytest.raises(EngineFailedError, match='out of memory'):
        TensorRtBackend(path)
    assert not setup.gpu.alive


@pytest.mark.parametrize(
    ('memory', 'what'),
    [
        (100, "the network's image: it needs 0.0 MB, 0.0 MB"),
        (14_000, "the camera's frame: it needs 0.1 MB, 0.0 MB of 1073.7 MB are free; close other"),
        (140_000, "the camera's frame: it needs 0.1 MB, 0.1 MB"),
        (170_000, 'the labels: it needs 4.0 MB'),
    ],
)
def test_too_little_memory_is_an_error_with_sizes(setup, tmp_path, noise, memory, what):
    setup.use_gpu(FakeGpu(memory=memory))
    setup.install()
    path = setup.write_engine(tmp_path / 'tiny.engine')
    expected = pytest.raises(DeviceMemoryError, match=f'not enough GPU memory for {what}')
    with expected, TensorRtBackend(path) as engine:
        engine.segment(Frame(noise(155, 154)), (2000, 2000))
    assert not setup.gpu.alive


@pytest.mark.parametrize(
    ('identity', 'text'),
    [
        (
            {'tensorrt_version': '10.3.0'},
            'does not match: TensorRT is 8.5.2.2, the engine was built for 10.3.0; rebuild it',
        ),
        ({'gpu_name': 'Orin'}, 'does not match: GPU is Xavier, the engine was built for Orin;'),
    ],
)
def test_an_engine_of_another_machine_is_an_error_with_both(setup, tmp_path, identity, text):
    path = setup.write_engine(tmp_path / 'tiny.engine', identity=identity)
    with pytest.raises(EngineMismatchError, match=text):
        TensorRtBackend(path)


def test_another_precision_than_that_of_the_engine_raises(path):
    with pytest.raises(InvalidValueError, match="precision is 'fp16', expected int8, as .* built"):
        TensorRtBackend(path, 'fp16')
    TensorRtBackend(path, 'int8').close()


def test_a_truncated_engine_raises_before_tensorrt_loads_it(setup, path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EngineFileError, match='truncated or changed'):
        TensorRtBackend(path)
    assert 'Runtime' not in setup.gpu.calls


@pytest.mark.parametrize(
    ('io_tensors', 'text'),
    [
        (
            [IoTensor('image', 'INPUT', 'UINT8', IMAGE)],
            r"I/O tensors are \['image'\], expected one input",
        ),
        (
            [IoTensor('x', 'INPUT', 'FLOAT', IMAGE), IoTensor('y', 'OUTPUT', 'FLOAT', LOGITS)],
            r'x is .*, expected uint8 \[1, 48, 64, 3\]',
        ),
        (
            [
                IoTensor('x', 'INPUT', 'UINT8', IMAGE),
                IoTensor('y', 'OUTPUT', 'FLOAT', (1, 5, 6, 8)),
            ],
            r'y is .* \[1, 5, 6, 8\], expected float32 or float16 \[1, 5, 12, 16\]',
        ),
    ],
)
def test_other_io_tensors_than_those_of_the_model_raise(setup, path, io_tensors, text):
    setup.install(io_tensors=io_tensors)
    with pytest.raises(InvalidModelError, match=text):
        TensorRtBackend(path)
    assert not setup.gpu.alive


def test_missing_pycuda_is_an_error_with_the_remedy(path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    monkeypatch.delitem(sys.modules, 'pycuda.driver')
    with pytest.raises(EngineUnavailableError, match="'tensorrt' .*pip install pycuda"):
        TensorRtBackend(path)


def test_a_missing_gpu_is_an_error_that_names_openvino(setup, path):
    setup.gpu.failing['init'] = CudaError('cuInit failed: no CUDA-capable device is detected')
    with pytest.raises(EngineUnavailableError, match='no CUDA-capable .*; use engine openvino'):
        TensorRtBackend(path)


def test_missing_nvrtc_is_an_error_with_the_remedy(setup, path, monkeypatch):
    monkeypatch.setattr(nvrtc, 'library_paths', lambda: iter(['/nowhere/libnvrtc.so']))
    monkeypatch.setattr(device, 'compile_for', nvrtc.compile_for)
    with pytest.raises(EngineUnavailableError, match='capability 7.2; .*nvidia-cuda-nvrtc-cu11'):
        TensorRtBackend(path)
    assert not setup.gpu.alive
