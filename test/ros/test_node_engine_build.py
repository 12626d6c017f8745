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

"""The node while an engine is built: diagnostics, failures, and ending the build."""

from pathlib import Path
import re
import signal
import subprocess
import sys
from time import monotonic

from helpers.fake_builder import builders, fake
from helpers.ros_probe import blocks, rgb_message, started, wait_until
from helpers.running_node import active_node, RunningNode
import pytest
from std_srvs.srv import Trigger
from swiftnet_ros.backends import registry
from swiftnet_ros.serving.health import ERROR, OK, WARN

ENDLESS = ('--steps', '100000')


@pytest.fixture
def built(gated, monkeypatch, tmp_path):
    """Return a function that registers a fake builder of engine `gated` and returns its folder."""

    def enter(*options, **given):
        monkeypatch.setitem(registry.BACKENDS, 'gated', fake(tmp_path, *options, **given))
        return tmp_path

    return enter


def test_during_a_build_topics_exist_and_diagnostics_show_its_progress(
    probe, tiny_path, built, status, capfd
):
    cache = built('--steps', '60')
    with RunningNode('/building', model=str(tiny_path), engine='gated') as running:
        task = running.begin('configure')
        message, _ = status('/building', 'engine', WARN, 'building')
        assert re.fullmatch(
            'building engine gated of tiny.onnx in auto: tactics, [0-9]+ %, [0-9]+ s, '
            'the last build took 90 s', message,
        )  # fmt: skip
        assert probe.node.count_publishers('/building/segmentation/label_image')
        assert running.node.state == 'configuring' and builders(cache) and not task.done()
        wait_until(task.done, 20)
        assert running.do('activate')
        status('/building', 'engine', OK, **{'engine file': cache / 'tiny.built'})
        received, camera = probe.stream('/building')
        assert probe.send(camera, rgb_message(blocks(30, 40), 1), received)
    log = capfd.readouterr().err
    assert log.count('building engine gated') == 1
    assert f'the engine was built in 61 s: {cache}/tiny.built' in log


def test_a_build_that_fails_fails_configure_with_its_reason(probe, tiny_path, built, status):
    built('--fail', 'TensorRT cannot build tiny.onnx: it has no Einsum')
    with RunningNode('/unbuilt', model=str(tiny_path), engine='gated') as running:
        assert not running.do('configure') and running.node.state == 'unconfigured'
        reason = 'TensorRT cannot build tiny.onnx: it has no Einsum'
        assert str(running.node.failure) == reason
        status('/unbuilt', 'engine', ERROR, reason)
        built()
        assert running.do('configure', 'activate') and running.node.failure is None


def test_an_engine_that_cannot_be_cached_runs_with_one_warning(
    probe, tiny_path, built, status, capfd
):
    """Once in the log, and in the diagnostics as long as it runs."""
    why = 'cannot cache engines in /cache: No space left on device'
    built('memory', '--warning', why)
    with active_node('/unkept', model=str(tiny_path), engine='gated'):
        status('/unkept', 'engine', WARN, why, **{'engine file': 'in memory only'})
        received, camera = probe.stream('/unkept')
        assert probe.send(camera, rgb_message(blocks(30, 40), 1), received)
    assert capfd.readouterr().err.count(why) == 1


def test_cleanup_during_the_build_of_a_reload_ends_that_build(probe, tiny_path, built, status):
    """Meanwhile the old model stays in use, and diagnostics show the build."""
    cache = built()
    with active_node('/again', model=str(tiny_path), engine='gated') as running:
        built(*ENDLESS)
        reloading = probe.begin_call(Trigger, '/again/segmentation/reload')
        status('/again', 'engine', WARN, 'building engine')
        received, camera = probe.stream('/again')
        assert probe.send(camera, rgb_message(blocks(30, 40), 1), received)
        start = monotonic()
        assert builders(cache) and running.do('deactivate', 'cleanup')
        assert monotonic() - start < 2.0 and not builders(cache)
        wait_until(reloading.done)
        assert 'cancelled' in reloading.result().message


BUILDING_NODE = """
import sys
from helpers.fake_builder import fake
from helpers.fake_engines import GatedEngine
from swiftnet_ros.backends import engine_build, registry
from swiftnet_ros.segmentation_node import main

GatedEngine.reset()
engine_build._MEMORY = f'{sys.argv[1]}-memory'
options = sys.argv[2 : sys.argv.index("--ros-args")]
registry.BACKENDS['gated'] = fake(sys.argv[1], *options)
sys.exit(main(sys.argv[sys.argv.index('--ros-args'):]))
"""


def start_node(tiny_path, folder, options, *arguments):
    """Start a node with a fake builder that writes its engine into a folder."""
    Path(f'{folder}-memory').mkdir()
    words = [sys.executable, '-c', BUILDING_NODE, str(folder), *options, '--ros-args']
    words += ['-p', f'model:={tiny_path}', '-p', 'engine:=gated', *arguments]
    return started(words)


@pytest.mark.parametrize('options', [ENDLESS, (*ENDLESS, '--deaf')])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_build_ends_the_node_and_the_build(tiny_path, tmp_path, number, options):
    """Within two seconds, with exit code 0, and without a process or a file left."""
    with start_node(tiny_path, tmp_path, options) as node:
        # Fast DDS may have logged a warning about a port before.
        assert any('building engine gated of tiny.onnx' in line for line in node.stderr)
        assert builders(tmp_path)
        start = monotonic()
        node.send_signal(number)
        _, log = node.communicate(timeout=20)
        assert monotonic() - start < 2.0
    assert node.returncode == 0 and 'Traceback' not in log and 'error' not in log, log
    assert not builders(tmp_path) and not list(tmp_path.iterdir())
    assert not list(Path(f'{tmp_path}-memory').iterdir())


@pytest.mark.parametrize(
    ('options', 'code', 'log'),
    [
        ([], 0, '.*the engine was built in 61 s: .*/tiny.built\n.*: ready: .*tiny.built.*\n'),
        (['--fail', 'it has no Einsum'], 1, 'error: it has no Einsum\n'),
        (
            ['memory', '--warning', 'the disk is full'],
            1,
            '.*built in 61 s: in memory only\n.*the disk is full\n'
            'error: the engine was built but not cached: the disk is full\n',
        ),
    ],
)
def test_build_only_ends_with_0_or_one_line(tiny_path, tmp_path, options, code, log):
    given = ['-p', 'build_only:=true', '-p', 'autostart:=false']
    with start_node(tiny_path, tmp_path, ['--steps', '0', *options], *given) as node:
        _, printed = node.communicate(timeout=60)
    assert node.returncode == code
    # On a busy machine the progress may be logged too.
    text = ''.join(line for line in printed.splitlines(True) if ']: building engine' not in line)
    assert re.fullmatch(log, text), printed
    assert (tmp_path / 'tiny.built').exists() == (code == 0)


def test_build_only_fails_with_a_backend_that_builds_nothing(tiny_path):
    words = [sys.executable, '-m', 'swiftnet_ros.segmentation_node', '--ros-args']
    words += ['-p', f'model:={tiny_path}', '-p', 'engine:=openvino', '-p', 'build_only:=true']
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == (
        'error: build_only is True, expected a backend that builds engines, as engine:=tensorrt; '
        'openvino does not\n'
    )
