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

"""A checkpoint and a run folder written before the packages were renamed can be used."""

import json
import shutil

from helpers.checkout import ROOT
from helpers.tiny_training import step_losses
import numpy as np
import pytest
import torch
from training.run.checkpoint import load_checkpoint
from training.run.folder import RunPaths
from training.schema.config import load_config
from training.trainer.train import train

# A run on the data of `folder_root`, killed after 3 of its 4 steps; `losses_uninterrupted.jsonl`
# is of the same run without the kill, `logits.npy` of the network in `last.pt`.
OLD_RUN = ROOT / 'test' / 'data' / 'previous_version_run'


def test_old_checkpoint_has_the_same_logits():
    network = load_checkpoint(OLD_RUN / 'last.pt').network().eval()
    image = torch.randint(0, 256, (1, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = network(image).numpy()
    np.testing.assert_allclose(logits, np.load(OLD_RUN / 'logits.npy'), rtol=1e-4, atol=1e-4)


def test_old_configuration_is_read_with_warnings():
    with pytest.warns(FutureWarning) as warnings:
        config = load_config(OLD_RUN / 'config.yaml')
    augmentation = config.augmentation
    assert (augmentation.color, augmentation.grayscale, augmentation.class_mix) == (
        'linear', 0.3, 0.5,
    )  # fmt: skip
    assert config.sampling.fraction == 0.5
    assert {str(warning.message).split()[0] for warning in warnings} == {
        'augmentation.colour',
        'augmentation.grey',
        'augmentation.mix',
        'sampling.share',
    }


@pytest.mark.filterwarnings('ignore::FutureWarning')
def test_old_run_resumes_with_the_same_crops(folder_root, tmp_path):
    run = tmp_path / 'run'
    shutil.copytree(OLD_RUN, run)
    train(load_config(OLD_RUN / 'config.yaml'), folder_root, run)
    lines = (OLD_RUN / 'losses_uninterrupted.jsonl').read_text().splitlines()
    expected = [json.loads(line)['loss'] for line in lines]
    assert step_losses(run) == pytest.approx(expected, abs=1e-3)
    assert load_checkpoint(RunPaths(run).trained).miou is not None
    counts = json.loads(RunPaths(run).class_counts.read_text())
    assert counts == json.loads((OLD_RUN / 'class_counts.json').read_text())
