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


"""scripts/gpu_test.sh tests and measures a machine: here one with a fake GPU."""

import json
import os
import subprocess
import sys

from helpers.checkout import ROOT
from helpers.fake_machine import SITE
from helpers.gpu_networks import write_gpu_pair
import pytest

SCRIPT = ROOT / 'scripts' / 'gpu_test.sh'
KINDS = [('fp32', ''), ('fp16', ''), ('int8', 'explicit'), ('int8', 'implicit')]


def run(folder, *words, **changes):
    """Run the script with its output in a folder and without training."""
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'TRAINING_PYTHON': 'false',
        'OUT': str(folder / 'out'),
        'PYTHONPATH': str(SITE),
        **changes,
    }
    environment.pop('SWIFTNET_ROS_CACHE', None)
    command = ['bash', str(SCRIPT), '--results', str(folder / 'results'), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_without_a_gpu_the_script_ends_with_one_line(tmp_path):
    done = run(tmp_path, PYTHONPATH='')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == 'error: nothing to test: the Python module tensorrt is not installed\n'
    unknown = run(tmp_path, '--sanitise')
    assert (unknown.returncode, unknown.stderr.count('error: unknown option --sanitise')) == (2, 1)


@pytest.mark.timeout(900)
def test_rehearsal_tests_measures_and_leaves_its_json(tmp_path):
    model = write_gpu_pair(tmp_path)
    done = run(tmp_path, '--seconds', 600, model)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'the reference work is skipped' in done.stderr
    (path,) = (tmp_path / 'results').iterdir()
    assert path.name == 'xavier_tensorrt_8.5.2.2.json'
    tree = json.loads(path.read_text())
    assert 'test/gpu: ' in tree['device']['note'] and ' passed' in tree['device']['note']
    assert [(run['precision'], run['way']) for run in tree['runs']] == KINDS
    for measured in tree['runs']:
        assert measured['failure'] is None
        report = measured['report']
        assert report['golden_agreement'] > 0.97 and report['fps'] > 0
        assert report['cuda_graph'] is True and report['gpu_memory_mb'] > 0
        assert set(report['layers_ms']) >= {'first', 'second', 'last'}
    assert (tmp_path / 'out' / 'report' / 'report.md').is_file()
    assert (tmp_path / 'out' / 'best.txt').read_text().strip().endswith('.engine')
