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

"""The terms of a model: logged once each time that it is loaded, and in the diagnostics."""

from helpers.running_node import RunningNode
from helpers.tiny_model import write_golden_model
from std_srvs.srv import Trigger
from swiftnet_ros.serving.health import OK

LINE = 'terms of the weights of tiny: CC-BY-4.0: name the yard'


def test_terms_are_logged_at_each_load_and_shown(status, probe, tmp_path, capfd):
    stated = {'license': 'CC-BY-4.0', 'terms': 'name the yard'}
    path = write_golden_model(tmp_path / 'model.onnx', **stated)
    with RunningNode('/terms', model=str(path)) as running:
        assert running.do('configure', 'activate', 'deactivate', 'activate')
        _, values = status('/terms', 'engine', OK)
        assert {key: values[key] for key in stated} == stated
        assert capfd.readouterr().err.count(LINE) == 1
        assert probe.call(Trigger, '/terms/segmentation/reload').success
        assert capfd.readouterr().err.count(LINE) == 1


def test_a_model_without_terms_logs_none(status, probe, tiny_path, capfd):
    with RunningNode('/free', model=str(tiny_path)) as running:
        assert running.do('configure', 'activate')
        _, values = status('/free', 'engine', OK)
        assert (values['license'], values['terms']) == ('', '')
        assert 'terms of the weights' not in capfd.readouterr().err
