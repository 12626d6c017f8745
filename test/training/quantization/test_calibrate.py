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


"""The memory of calibration does not grow with the number of images."""

import subprocess
import sys

from helpers.checkout import ROOT
from helpers.tiny_quantized import export_tiny, inputs
import pytest
from swiftnet_ros.model_spec import read_model
from training.quantization import calibrate
from training.quantization.calibrate import collect_histograms
from training.quantization.calibration_cache import float_tensors

# Prints the peak of the process before the 9th and after the 64th image, in kilobytes.
SCRIPT = """
import resource, sys
import numpy as np
from swiftnet_ros.model_spec import read_model
from training.quantization.calibrate import collect_histograms
from training.quantization.calibration_cache import float_tensors

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

class Images:
    def __len__(self):
        return 64

    def __iter__(self):
        random = np.random.default_rng(0)
        for index in range(64):
            if index == 8:
                print(peak())
            yield str(index), random.integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)

model = read_model(sys.argv[1])
values = float_tensors(model)
found = collect_histograms(model, values, Images())
assert len(found) == len(values) > 50
print(peak())
"""


def test_64_images_need_no_more_memory_than_8(tmp_path):
    command = [sys.executable, '-c', SCRIPT, str(export_tiny(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    few, many = (int(line) for line in done.stdout.split())
    assert many <= 1.05 * few


def test_several_passes_collect_the_same_histograms_as_one(tmp_path, monkeypatch):
    model = read_model(export_tiny(tmp_path))
    values, images = float_tensors(model), inputs(2)
    once = collect_histograms(model, values, images)
    monkeypatch.setattr(calibrate, 'PASS_BYTES', 100_000)
    graph = calibrate._with_outputs(model, values)
    passes = calibrate._split_into_passes(graph, set(values))
    assert 2 < len(passes) < len(values)
    assert sorted(name for outputs in passes for name in outputs) == sorted(values)
    again = collect_histograms(model, values, images)
    for name in values:
        assert again[name].largest == pytest.approx(once[name].largest, rel=1e-3, abs=1e-5)
        assert again[name].counts.sum() == once[name].counts.sum()
