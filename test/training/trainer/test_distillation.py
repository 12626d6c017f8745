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

"""Distillation: the formula, a frozen teacher, students that learn its predictions."""

from dataclasses import replace
import json

from helpers.tiny_experiment import tiny_experiment, tiny_seed_runs
from helpers.tiny_training import (
    final_weights,
    step_losses,
    tiny_checkpoint,
    tiny_config,
    tiny_loader,
)
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError
from swiftnet_ros.model_spec import SemanticClass
import torch
import torch.nn.functional as F
from training.datasets import open_dataset
from training.datasets.loader import readable_batches
from training.experiments.rounds import VariantMismatchError
from training.experiments.run import finish_run
from training.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.schema.config import DistillationConfig, load_config, ModelConfig
from training.trainer.distillation import kl_divergence
from training.trainer.train import train

IGNORED = 255


def distillation_config(teacher, weight=1.0, temperature=2.0, **sections):
    given = DistillationConfig(str(teacher), weight, temperature)
    return replace(tiny_config(**sections), distillation=given)


def test_divergence_matches_hand_calculation():
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 6)
    labels = torch.zeros(2, 8, 12, dtype=torch.long)
    total, count = kl_divergence(student, teacher, labels, 2.0)
    p, q = (torch.softmax(logits / 2, 1) for logits in (teacher, student))
    assert count == 2 * 4 * 6
    torch.testing.assert_close(total, 4 * (p * (p / q).log()).sum())
    assert float(kl_divergence(teacher, teacher, labels, 2.0)[0]) == pytest.approx(0, abs=1e-5)


def test_unlabeled_pixels_do_not_count():
    student, teacher = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    labels = torch.full((1, 16, 16), IGNORED)
    labels[:, :, 8:] = 1
    total, count = kl_divergence(student, teacher, labels, 1.0)
    changed = student.clone()
    changed[..., :2] = 9
    assert (int(count), total) == (8, kl_divergence(changed, teacher, labels, 1.0)[0])
    assert kl_divergence(student, teacher, torch.full_like(labels, IGNORED), 1.0) == (0, 0)


def test_teacher_of_another_stride_is_resized():
    student, teacher = torch.randn(1, 3, 8, 8), torch.randn(1, 3, 4, 4)
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    larger = F.interpolate(teacher, size=(8, 8), mode='bilinear', align_corners=False)
    expected = kl_divergence(student, larger, labels, 3.0)
    torch.testing.assert_close(kl_divergence(student, teacher, labels, 3.0), expected)


def prediction_distance(network, teacher, folder_root):
    """Return the divergence of two checkpoints' predictions on the first training batch."""
    loader, _ = tiny_loader(tiny_config(), open_dataset('folder', folder_root, 'train'))
    batch = next(readable_batches(loader))
    with torch.no_grad():
        one, other = (
            load_checkpoint(p).network().eval()(batch.images) for p in (network, teacher)
        )
    total, count = kl_divergence(one, other, batch.labels, 1.0)
    return float(total / count)


def test_student_of_another_architecture_learns_the_teachers_predictions(
    finished_run, folder_root, tmp_path
):
    sections = {
        'model': {'variant': 'single_scale', 'widths': [4, 4, 6, 8, 8], 'features': 6},
        'train': {'epochs': 10, 'evaluate_every': 0},
    }
    teacher = finished_run.trained
    before = teacher.read_bytes()
    config = distillation_config(teacher, 4.0, **sections)
    taught = train(config, folder_root, tmp_path / 'taught')
    untaught = train(tiny_config(**sections), folder_root, tmp_path / 'untaught')
    assert teacher.read_bytes() == before
    assert load_config(tmp_path / 'taught' / 'config.yaml') == config
    gaps = [prediction_distance(path, teacher, folder_root) for path in (taught, untaught)]
    assert gaps[0] < 0.7 * gaps[1]


def test_first_loss_is_the_usual_loss_plus_the_weighted_divergence(
    finished_run, folder_root, tmp_path
):
    for weight in (0.0, 1.0, 3.0):
        short = {'train': {'epochs': 1, 'evaluate_every': 0}}
        config = distillation_config(finished_run.trained, weight or 1.0, **short)
        config = config if weight else tiny_config(**short)
        train(config, folder_root, tmp_path / str(weight))
    plain, once, thrice = (step_losses(tmp_path / name)[0] for name in ('0.0', '1.0', '3.0'))
    assert once > plain
    assert thrice - plain == pytest.approx(3 * (once - plain), rel=1e-4)


def test_teacher_can_be_the_initial_checkpoint_too(finished_run, folder_root, tmp_path):
    config = distillation_config(finished_run.trained, optimizer={'lr': 1e-9}, train={'epochs': 1})
    train(config, folder_root, tmp_path, finished_run.trained)
    first, second = final_weights(finished_run.folder), final_weights(tmp_path)
    for name, value in first.items():
        if 'running' not in name and value.is_floating_point():
            torch.testing.assert_close(second[name], value, rtol=1e-5, atol=1e-6)


def test_missing_teacher_or_other_classes_raises(folder_root, tmp_path):
    with pytest.raises(FileMissingError, match='checkpoint not found: .*nowhere.pt'):
        train(distillation_config(tmp_path / 'nowhere.pt'), folder_root, tmp_path / 'run')
    other = tiny_checkpoint(ModelConfig(widths=[4, 4, 4, 4, 4], features=4))
    renamed = replace(other, classes=[SemanticClass(f'x{i}', (i, i, i)) for i in range(3)])
    save_checkpoint(renamed, tmp_path / 'other.pt')
    with pytest.raises(CheckpointError, match='other.pt: its classes are not those of the train'):
        train(distillation_config(tmp_path / 'other.pt'), folder_root, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def variant(**distillation):
    return {'taught': {'weights': 'ft', 'pruning': 'all', 'distillation': distillation}}


def test_variant_learns_from_the_dense_run_of_its_seed(folder_root, tmp_path):
    variants = {**variant(teacher='dense', weight=2.0), 'ft': {'weights': 'ft', 'pruning': 'all'}}
    seed_runs = tiny_seed_runs(folder_root, tmp_path / 'runs', variants=variants)
    for name in variants:
        finish_run(seed_runs, name)
    config = load_config(seed_runs.paths('taught').config)
    teacher = str(seed_runs.paths('dense').trained)
    assert config.distillation == DistillationConfig(teacher, 2.0, 2.0)
    assert load_config(seed_runs.paths('ft').config).distillation.teacher is None
    starts = [load_checkpoint(seed_runs.paths(name).initial_weights).weights for name in variants]
    assert all(torch.equal(value, starts[1][name]) for name, value in starts[0].items())
    first = [step_losses(seed_runs.paths(name).folder)[0] for name in variants]
    assert first[0] > first[1]
    results = [json.loads(seed_runs.paths(name).result.read_text()) for name in ('taught', 'ft')]
    assert results[0]['distillation'] == {'teacher': 'dense', 'weight': 2.0, 'temperature': 2.0}
    assert results[1]['distillation'] is None
    assert results[0]['params'] == results[1]['params']

    moved = tmp_path / 'moved'
    seed_runs.out.rename(moved)
    finish_run(tiny_seed_runs(folder_root, moved, variants=variants), 'taught')
    changed = tiny_seed_runs(folder_root, moved, variants=variant(teacher='dense', weight=1.0))
    with pytest.raises(
        VariantMismatchError, match='has distillation .* and the experiment now has'
    ):
        finish_run(changed, 'taught')


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'weight': 2.0}, 'variants.taught.distillation.teacher is None, expected dense or'),
        ({'teacher': 'dense', 'temperature': 0}, 'distillation.temperature is 0'),
    ],
)
def test_impossible_teacher_of_a_variant_raises(options, words):
    with pytest.raises(InvalidValueError, match=words):
        tiny_experiment(variants=variant(**options))
