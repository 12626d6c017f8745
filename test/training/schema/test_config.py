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

"""Configuration files: valid ones, overrides, renamed keys, and errors."""

from dataclasses import dataclass, field
from pathlib import Path
import re

from helpers.checkout import ROOT
from helpers.tiny_training import tiny_config, TREE, write_config
import pytest
from swiftnet_ros.errors import FileMissingError, InvalidValueError, UnknownNameError
import torch
from training.datasets import DATASETS
from training.datasets.class_table import shipped_class_table
from training.models import build_model
from training.schema.config import config_from_tree, flattened, load_config, load_tree
from training.schema.from_yaml import dataclass_from_tree, renamed_from
from training.trainer.losses import build_loss
from training.trainer.lr_schedule import build_lr_schedule
from training.trainer.optimizers import build_optimizer

CONFIGS = sorted((ROOT / 'training' / 'configs').rglob('*.yaml'))
# Configurations of one training run; test_experiment_config.py reads those of experiments.
SHIPPED = [path for path in CONFIGS if not {'variants', 'checkpoint'} & set(load_tree(path))]


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_every_shipped_configuration_can_be_built(path):
    config = load_config(path)
    folder = config.data.dataset == 'folder'
    classes = 8 if folder else len(shipped_class_table(config.data.dataset).classes)
    assert config.data.dataset in DATASETS
    with torch.device('meta'):
        network = build_model(config.model, classes)
        shape = network(torch.empty(2, 3, config.data.height, config.data.width)).shape
    stride = config.model.output_stride
    assert shape == (2, classes, config.data.height // stride, config.data.width // stride)
    assert callable(build_loss(config.loss))
    build_lr_schedule(config.optimizer, build_optimizer(config.optimizer, network), 100, 10)
    commands = re.findall(r'python -m training train (\S+)', path.read_text())
    assert set(commands) <= {str(path.relative_to(ROOT))}


def test_missing_key_has_its_default(tmp_path):
    (tmp_path / 'short.yaml').write_text(
        'name: short\noptimizer: {lr: 1e-3, betas: [0, 1.0e-1]}\n'
    )
    config = load_config(tmp_path / 'short.yaml')
    assert (config.model.encoder, config.train.epochs) == ('resnet18', 250)
    assert (config.optimizer.lr, config.optimizer.betas) == (0.001, (0.0, 0.1))


@pytest.mark.parametrize(
    ('tree', 'words'),
    [
        ({'modle': {}}, "unknown key in the configuration 'modle'; did you mean 'model'?"),
        ({'model': {'encodr': 'x'}}, "unknown key in model 'encodr'; did you mean 'encoder'?"),
        ({1: 2}, "unknown key in the configuration '1'"),
    ],
)
def test_unknown_key_suggests_the_nearest(tree, words):
    with pytest.raises(UnknownNameError) as caught:
        config_from_tree({'name': 'x', **tree})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ('section', 'key', 'value', 'expected'),
    [
        ('train', 'epochs', 'three', 'int'),
        ('train', 'epochs', 2.5, 'int'),
        ('train', 'epochs', True, 'int'),
        ('train', 'epochs', 0, 'a number above 0'),
        ('train', 'batch_size', 0, 'a number of 1 to 65536'),
        ('train', 'ema_decay', 1.0, 'a number of 0 or more, below 1'),
        ('train', 'seed', 1 << 32, 'a number of 0 to 4294967295'),
        ('augmentation', 'scale_max', 1e9, 'a factor above 0, up to 8'),
        ('data', 'classes', 'camvid', 'data.sources too'),
        ('optimizer', 'lr', 'fast', 'float'),
        ('optimizer', 'lr', float('nan'), 'a finite number'),
        ('optimizer', 'betas', [0.9], 'tuple[float, float]'),
        ('optimizer', 'betas', [0.9, 1.0], 'below 1 each'),
        ('model', 'levels', 4, '1, 2 or 3'),
        ('model', 'output_stride', 16, '4 or 8'),
        ('model', 'widths', 'wide', 'list[int] | None'),
        ('model', 'widths', [1, 'a'], 'list[int] | None'),
        ('data', 'height', 100, 'a multiple of 8'),
        ('data', 'options', None, 'dict[str, typing.Any]'),
        ('augmentation', 'crop', 50, 'a multiple of 8'),
        ('augmentation', 'scale_min', 3, 'at most scale_max, 1.25'),
        ('augmentation', 'hue', 0.7, 'a fraction of 0 to 0.5'),
        ('class_weights', 'beta', 1.0, 'a number of 0 or more, below 1'),
        ('class_weights', 'limit', 0.5, 'a number of 1 or more'),
        ('sampling', 'fraction', 1.5, 'a fraction of 0 to 1'),
        ('sampling', 'temperature', 0.0, 'a number above 0'),
        ('distillation', 'weight', 0.0, 'a number above 0'),
        ('distillation', 'temperature', -1.0, 'a number above 0'),
        ('loss', 'lovasz', -1.0, 'a number of 0'),
        ('train', 'keep_steps', [-1], 'numbers'),
    ],
)
def test_invalid_value_raises(section, key, value, expected):
    with pytest.raises(InvalidValueError) as caught:
        tiny_config(**{section: {key: value}})
    assert str(caught.value).startswith(f'{section}.{key} is ')
    assert f'expected {expected}' in str(caught.value)


@pytest.mark.parametrize('section', [key for key in TREE if key != 'name'])
def test_section_that_is_no_mapping_raises(section):
    with pytest.raises(InvalidValueError, match=f'^{section} is 3, expected a mapping$'):
        config_from_tree({'name': 'x', section: 3})


def test_missing_name_raises():
    with pytest.raises(InvalidValueError, match="name is 'missing', expected str"):
        config_from_tree({'train': {'epochs': 3}})


@pytest.mark.parametrize(
    'text', [b'name: [', b'- a\n- b\n', b'', b'\xff\xfe\x00', b'a: b: c', b'name: "\n\n']
)
def test_file_without_a_yaml_mapping_raises(tmp_path, text):
    (tmp_path / 'bad.yaml').write_bytes(text)
    with pytest.raises(InvalidValueError, match='bad.yaml.*YAML') as caught:
        load_config(tmp_path / 'bad.yaml')
    assert '\n' not in str(caught.value)


def test_yaml_cannot_run_code(tmp_path):
    mark = tmp_path / 'mark'
    (tmp_path / 'evil.yaml').write_text(
        f'name: !!python/object/apply:pathlib.Path.touch [!!python/object/new:str [{mark}]]\n'
    )
    with pytest.raises(InvalidValueError, match='could not determine a constructor'):
        load_config(tmp_path / 'evil.yaml')
    with pytest.raises(InvalidValueError, match='expected valid YAML'):
        write_config(tmp_path / 'good.yaml')
        load_config(tmp_path / 'good.yaml', (f'name=!!python/object/apply:os.mkdir [{mark}]',))
    assert not mark.exists()


def test_missing_file_raises():
    with pytest.raises(FileMissingError, match='configuration not found: nowhere.yaml'):
        load_config(Path('nowhere.yaml'))


def test_overrides_change_single_keys(tmp_path):
    path = write_config(tmp_path / 'tiny.yaml')
    overrides = ('train.epochs=7', 'name=other', 'model.widths=null', 'loss.options.gamma=2')
    before, after = (
        dict(flattened(load_config(path))),
        dict(flattened(load_config(path, overrides))),
    )
    changed = {key: after[key] for key in after if after[key] != before[key]}
    assert changed == {
        'name': 'other',
        'model.widths': None,
        'train.epochs': 7,
        'loss.options': {'gamma': 2},
    }


@pytest.mark.parametrize(
    ('override', 'words'),
    [
        ('train.epochs', 'section.key=value'),
        ('name.first=1', 'a key of a section, name is none'),
        ('train.epochs=[', 'valid YAML'),
    ],
)
def test_malformed_override_raises(tmp_path, override, words):
    path = write_config(tmp_path / 'tiny.yaml')
    with pytest.raises(InvalidValueError, match=f'--set.*{words}'):
        load_config(path, (override,))


def test_override_with_an_unknown_key_suggests_the_nearest(tmp_path):
    path = write_config(tmp_path / 'tiny.yaml')
    with pytest.raises(UnknownNameError, match="did you mean 'epochs'"):
        load_config(path, ('train.epoch=3',))


@dataclass(frozen=True)
class Lens:
    """A section with a renamed key."""

    focal: float = renamed_from('focus', default=1.0)


@dataclass(frozen=True)
class CameraSection:
    lens: Lens = field(default_factory=Lens)


@pytest.mark.filterwarnings('ignore::FutureWarning')
def test_old_key_is_read_with_a_warning():
    with pytest.warns(FutureWarning, match=r'^lens\.focus is now called lens\.focal$'):
        config = dataclass_from_tree(CameraSection, {'lens': {'focus': 2}})
    assert config.lens.focal == 2.0
    with pytest.raises(InvalidValueError, match=r"lens\.focal is 'far', expected float"):
        dataclass_from_tree(CameraSection, {'lens': {'focus': 'far'}})


@pytest.mark.filterwarnings('ignore::FutureWarning')
@pytest.mark.parametrize(
    ('in_file', 'overrides'),
    [
        ('colour: hsv', ['color=linear']),
        ('color: hsv', ['colour=linear']),
        ('color: hsv', ['colour=hsv', 'color=linear']),
    ],
)
def test_last_override_wins_under_the_old_key_and_the_new(tmp_path, in_file, overrides):
    path = tmp_path / 'tiny.yaml'
    path.write_text(f'name: tiny\naugmentation: {{{in_file}}}\n')
    config = load_config(path, tuple(f'augmentation.{text}' for text in overrides))
    assert config.augmentation.color == 'linear'
