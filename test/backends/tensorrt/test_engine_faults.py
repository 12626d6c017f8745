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

"""The TensorRT engine where something fails: one line that says it, and nothing left behind."""

import sys

from helpers.fake_gpu import Error, FakeGpu
from helpers.fake_tensorrt_runtime import Edge
from helpers.tensorrt_setup import copied_logits, FakeTensorRtSetup
import numpy as np
import pytest
from swiftnet_ros.backends.cuda import device, nvrtc
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.backends.tensorrt.engine import TensorRtEngine
from swiftnet_ros.core.frames import Frame
from swiftnet_ros.errors import (
    DeviceMemoryError,
    EngineFailedError,
    EngineFileError,
    EngineMismatchError,
    EngineUnavailableError,
    InvalidModelError,
    InvalidValueError,
    SwiftnetError,
)

IMAGE, LOGITS = (1, 48, 64, 3), (1, 5, 12, 16)


@pytest.fixture
def setup(monkeypatch, tiny_path):
    """Give fakes whose network is the tiny model."""
    with open_engine(tiny_path, 'openvino', 'fp32', 1) as openvino:
        setup = FakeTensorRtSetup(monkeypatch, openvino.spec, copied_logits(openvino.infer))
        setup.install()
        yield setup


@pytest.fixture
def path(setup, tmp_path):
    """Give an engine."""
    return setup.write_engine(tmp_path / 'tiny.engine')


@pytest.fixture
def frame(noise):
    """Give a frame."""
    return Frame(noise(31, 77))


CALLS_OF_OPENING = [
    'init', 'Device', 'make_context', 'Stream', 'module_from_buffer', 'Runtime',
    'deserialize_cuda_engine', 'mem_alloc', 'create_execution_context',
    'set_tensor_address image', 'set_tensor_address logits',
]  # fmt: skip
CALLS_OF_A_FRAME = [
    'pagelocked_empty', 'mem_alloc', 'memcpy_htod', 'cuEventCreate', 'cuEventRecord',
    'memcpy_htod_async', 'resize_frame', 'execute_async_v3', 'mark_candidates_f32',
    'take_labels_f32_u8', 'memcpy_dtoh_async', 'synchronize', 'cuEventElapsedTime',
]  # fmt: skip


@pytest.mark.parametrize('name', CALLS_OF_OPENING)
def test_an_engine_that_does_not_open_leaves_nothing_behind(setup, path, name):
    setup.gpu.failing[name] = Error(f'{name} failed: odd\nerror')
    with pytest.raises(SwiftnetError, match=name) as caught:
        TensorRtEngine(path)
    assert '\n' not in str(caught.value)
    assert not setup.gpu.alive and setup.gpu.depth == 0


@pytest.mark.parametrize('name', CALLS_OF_A_FRAME)
def test_a_frame_that_fails_is_one_line_and_the_next_is_answered(setup, path, frame, name):
    with TensorRtEngine(path) as engine:
        setup.gpu.failing[name] = 719 if name.startswith('cu') else Error(f'{name}: odd\nerror')
        with pytest.raises(EngineFailedError, match=name) as caught:
            engine.segment(frame, (31, 77))
        assert '\n' not in str(caught.value)
        setup.gpu.failing.clear()
        assert engine.segment(frame, (31, 77)).labels.shape == (31, 77)
    assert not setup.gpu.alive and setup.gpu.depth == 0


@pytest.mark.parametrize(
    ('failing', 'refusals', 'absent'),
    [
        ({'cuStreamBeginCapture_v2': 900}, {}, set()),
        ({'cuStreamEndCapture': 901}, {}, set()),
        ({'cuGraphInstantiateWithFlags': 1}, {}, set()),
        ({'cuEventRecordWithFlags': 1}, {}, set()),
        ({}, {'execute while recording': 'operation not permitted'}, set()),
        ({}, {}, {'cuGraphInstantiateWithFlags'}),
    ],
)
def test_what_cannot_be_recorded_is_sent_piece_by_piece(
    setup, path, frame, failing, refusals, absent
):
    setup.gpu.failing.update(failing)
    setup.network.refusals.update(refusals)
    setup.gpu.library.absent = absent
    with TensorRtEngine(path) as engine:
        answers = [engine.segment(frame, (31, 77)).labels for _ in range(3)]
        engine.segment(frame, (30, 70))
        assert not engine.uses_graph
    assert len(np.unique(answers[0])) > 1
    for labels in answers[1:]:
        np.testing.assert_array_equal(labels, answers[0])
    assert 'cuGraphLaunch' not in setup.gpu.journal
    # It is tried once, not with each form.
    assert setup.gpu.journal.count('cuStreamBeginCapture_v2') == (0 if absent else 1)
    assert not setup.gpu.alive


def test_everything_is_freed_in_the_order_in_which_it_hangs_together(setup, path, frame):
    with TensorRtEngine(path) as engine:
        engine.segment(frame, (31, 77), True)
        before = len(setup.gpu.journal)
    freed = setup.gpu.journal[before:]
    order = [
        'cuGraphExecDestroy', 'cuEventDestroy_v2', 'free', 'free execution context',
        'free engine', 'free runtime',
    ]  # fmt: skip
    assert [freed.index(name) for name in order] == sorted(freed.index(name) for name in order)
    assert not setup.gpu.alive
    engine.close()
    with pytest.raises(EngineUnavailableError, match='was closed; open it again'):
        engine.segment(frame, (31, 77))


def test_what_tensorrt_reports_is_told(setup, path, frame):
    with TensorRtEngine(path) as engine:
        setup.network.refusals['execute_async_v3'] = 'enqueueV3: illegal memory\naccess'
        with pytest.raises(EngineFailedError, match='failed: enqueueV3: illegal memory access;'):
            engine.segment(frame, (31, 77))
        setup.network.refusals.clear()
        engine.segment(frame, (31, 77))


def test_an_engine_that_tensorrt_refuses_is_told_with_its_reason(setup, path):
    setup.network.refusals['deserialize_cuda_engine'] = 'Version tag does not match'
    with pytest.raises(EngineFileError, match='refuses it .Version tag does not match.; rebuild'):
        TensorRtEngine(path)
    assert not setup.gpu.alive


def test_a_context_for_which_there_is_no_memory_is_told_with_sizes(setup, path):
    setup.network.refusals['create_execution_context'] = 'out of memory'
    setup.network.working_bytes = 2_000_000_000
    expected = 'memory for the network: it needs 2000.0 MB, 1073.7 MB of 1073.7 MB are free'
    with pytest.raises(DeviceMemoryError, match=expected):
        TensorRtEngine(path)
    setup.network.working_bytes = 0
    with pytest.raises(EngineFailedError, match='out of memory'):
        TensorRtEngine(path)
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
def test_memory_that_does_not_suffice_is_told_with_sizes(setup, tmp_path, noise, memory, what):
    setup.use_gpu(FakeGpu(memory=memory))
    setup.install()
    path = setup.write_engine(tmp_path / 'tiny.engine')
    expected = pytest.raises(DeviceMemoryError, match=f'not enough GPU memory for {what}')
    with expected, TensorRtEngine(path) as engine:
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
def test_an_engine_of_another_machine_is_one_sentence_with_both(setup, tmp_path, identity, text):
    path = setup.write_engine(tmp_path / 'tiny.engine', identity=identity)
    with pytest.raises(EngineMismatchError, match=text):
        TensorRtEngine(path)


def test_another_precision_than_was_built_is_refused(path):
    with pytest.raises(InvalidValueError, match="precision is 'fp16', expected int8, as .* built"):
        TensorRtEngine(path, 'fp16')
    TensorRtEngine(path, 'int8').close()


def test_a_truncated_engine_is_refused_before_tensorrt_sees_it(setup, path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EngineFileError, match='truncated or changed'):
        TensorRtEngine(path)
    assert 'Runtime' not in setup.gpu.journal


@pytest.mark.parametrize(
    ('edges', 'text'),
    [
        ([Edge('image', 'INPUT', 'UINT8', IMAGE)], r"edges are \['image'\], expected one in, one"),
        (
            [Edge('x', 'INPUT', 'FLOAT', IMAGE), Edge('y', 'OUTPUT', 'FLOAT', LOGITS)],
            r'x is .*, expected uint8 \[1, 48, 64, 3\]',
        ),
        (
            [Edge('x', 'INPUT', 'UINT8', IMAGE), Edge('y', 'OUTPUT', 'FLOAT', (1, 5, 6, 8))],
            r'y is .* \[1, 5, 6, 8\], expected float32 or float16 \[1, 5, 12, 16\]',
        ),
    ],
)
def test_a_network_with_other_edges_is_refused(setup, path, edges, text):
    setup.install(edges=edges)
    with pytest.raises(InvalidModelError, match=text):
        TensorRtEngine(path)
    assert not setup.gpu.alive


def test_without_pycuda_it_is_said_how_to_get_it(path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    monkeypatch.delitem(sys.modules, 'pycuda.driver')
    with pytest.raises(EngineUnavailableError, match="'tensorrt' .*pip install pycuda"):
        TensorRtEngine(path)


def test_without_a_gpu_another_engine_is_named(setup, path):
    setup.gpu.failing['init'] = Error('cuInit failed: no CUDA-capable device is detected')
    with pytest.raises(EngineUnavailableError, match='no CUDA-capable .*; use engine openvino'):
        TensorRtEngine(path)


def test_without_nvrtc_it_is_said_how_to_get_it(setup, path, monkeypatch):
    monkeypatch.setattr(nvrtc, 'library_paths', lambda: iter(['/nowhere/libnvrtc.so']))
    monkeypatch.setattr(device, 'compile_for', nvrtc.compile_for)
    with pytest.raises(EngineUnavailableError, match='capability 7.2; .*nvidia-cuda-nvrtc-cu11'):
        TensorRtEngine(path)
    assert not setup.gpu.alive


def test_without_tensorrt_it_is_said_how_to_get_it(path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(EngineUnavailableError, match='it comes with JetPack'):
        TensorRtEngine(path)
