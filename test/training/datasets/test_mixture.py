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

"""Several datasets in one run: class ids by name, draws by weight, what a pixel does not show."""

import json
from pathlib import Path
from typing import Any

import cv2
from helpers.tiny_training import step_losses, stopped_after, TREE, write_config
import numpy as np
import pytest
from swiftnet_ros.errors import (
    FileMissingError,
    InvalidValueError,
    UnknownNameError,
    UnsetVariableError,
)
from swiftnet_ros.model_spec.spec import is_text
from training.__main__ import main
from training.datasets.class_statistics import ClassCounts
from training.datasets.class_table import excluded_class, excluded_id, UNLABELED
from training.datasets.loader import image_weights, RareClassSampler, ShuffledBatchSampler
from training.datasets.mixture import (
    class_table_of,
    description,
    open_training_data,
    open_validation_data,
    SourcePart,
    validation_description,
    with_unpaired,
)
from training.run.checkpoint import load_checkpoint
from training.run.folder import read_records, RunPaths
from training.schema.config import (
    config_from_tree,
    DataConfig,
    load_config,
    SamplingConfig,
    SourceConfig,
)
from training.trainer.train import train
import yaml

SIZE = 64


def write_set(root: Path, names: tuple[str, ...], images: int = 4) -> Path:
    """Write a `folder` dataset of classes in equal columns; image i is `i` everywhere."""
    table = {'classes': [{'name': name, 'rgb': [i, i, i]} for i, name in enumerate(names)]}
    for split in ('train', 'val'):
        for kind in ('images', 'labels'):
            (root / split / kind).mkdir(parents=True)
        label = np.repeat(np.arange(SIZE)[None] * len(names) // SIZE, SIZE, 0).astype(np.uint8)
        for i in range(images):
            cv2.imwrite(str(root / split / 'images' / f'{i}.png'), np.full((SIZE, SIZE, 3), i))
            cv2.imwrite(str(root / split / 'labels' / f'{i}.png'), label)
    (root / 'classes.yaml').write_text(yaml.safe_dump(table))
    return root


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a set of all classes, one in another order with a name of its own, and one of no."""
    monkeypatch.setenv('SETS', str(tmp_path))
    write_set(tmp_path / 'rooms', ('floor', 'wall', 'box'), 8)
    write_set(tmp_path / 'halls', ('carton', 'unknown', 'floor', 'wall'))
    write_set(tmp_path / 'floors', ('floor', 'other'))
    return [
        {'dataset': 'folder', 'root': '$SETS/rooms', 'weight': 2},
        {'dataset': 'folder', 'root': '$SETS/halls', 'remap': {'carton': 'box'}},
        {'dataset': 'folder', 'root': '$SETS/floors', 'exclude': {'other': 'floor'}},
    ]


def data(sources: list[dict[str, Any]], **changes: Any) -> DataConfig:
    tree = {'name': 'mixed', 'data': {'sources': sources, **changes}}
    return config_from_tree(tree).data


def test_ids_of_every_source_are_the_models(sources):
    dataset, parts = open_training_data(data(sources), None)
    assert [item.name for item in dataset.table.classes] == ['floor', 'wall', 'box']
    assert parts == (SourcePart(8, 2.0), SourcePart(4, 1.0), SourcePart(4, 1.0))
    assert len(dataset) == 16
    ids = [list(dict.fromkeys(dataset[index].label[0].tolist())) for index in (7, 8, 15)]
    # 'unknown' is of no class of the model; 254 - i says that a pixel is not of class i.
    assert ids == [[0, 1, 2], [2, UNLABELED, 0, 1], [0, 254]]
    assert [dataset[index].image[0, 0, 0] for index in (7, 8, 15)] == [7, 0, 3]
    with pytest.raises(IndexError):
        dataset[16]


def test_class_table_is_that_of_data_classes(sources):
    assert len(class_table_of(data(sources, classes='indoor'), None).classes) == 10
    halls = data(sources[1:2], classes='$SETS/halls/classes.yaml')
    assert class_table_of(halls, None).classes[0].name == 'carton'


def test_validation_is_that_of_val_sources(sources):
    validation = [{**sources[2], 'split': 'val'}]
    assert len(open_validation_data(data(sources, val_sources=validation), None)) == 4
    assert len(open_validation_data(data(sources), None)) == 0


def test_option_of_unpaired_files_is_set_where_there_are_files():
    config = DataConfig(
        dataset='camvid',
        sources=[SourceConfig('folder', options={'classes': 'a.yaml'}), SourceConfig('warehouse')],
        val_sources=[SourceConfig('ade20k')],
    )
    allowed = with_unpaired(config)
    assert allowed.options == {'allow_unpaired': True}
    assert [item.options for item in (*allowed.sources, *allowed.val_sources)] == [
        {'classes': 'a.yaml', 'allow_unpaired': True}, {}, {'allow_unpaired': True}
    ]  # fmt: skip


def test_description_of_validation_names_its_own_sources_and_splits(sources):
    validation = [{**sources[2], 'split': 'val'}, {**sources[0], 'split': 'train'}]
    config = data(sources, val_sources=validation)
    assert validation_description(config) == ('floors, rooms', 'val, train')
    assert validation_description(DataConfig('camvid', val_split='test')) == ('camvid', 'test')


def test_description_names_the_folders(sources):
    scenes = {'dataset': 'warehouse', 'options': {'frames': 2}}
    assert description(data([*sources, scenes])) == 'rooms, halls, floors, warehouse'


def test_description_fits_into_a_model_specification():
    names = [f'/data/floor {number} of the old building\n' for number in range(30)]
    text = description(data([{'dataset': 'folder', 'root': root} for root in names]))
    assert text.startswith('floor 0 of the old building\\n, floor 1') and is_text(text)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'remap': {'wal': 'box'}}, UnknownNameError, r'remap of data\.sources\.0 .wal.'),
        ({'remap': {'wall': 'boxes'}}, UnknownNameError, 'boxes'),
        ({'exclude': {'wall': 'boxes'}}, UnknownNameError, 'boxes'),
        ({'root': '$SETS/missing'}, FileMissingError, 'missing'),
        ({'root': '$NOT_SET_ANYWHERE/x'}, UnsetVariableError, 'NOT_SET_ANYWHERE'),
        ({'weight': 0}, InvalidValueError, r'data\.sources\.0\.weight'),
        ({'wieght': 1}, UnknownNameError, 'wieght'),
    ],
)
def test_wrong_source_is_named(sources, change, error, message):
    with pytest.raises(error, match=message):
        open_training_data(data([{**sources[0], **change}], classes='indoor'), None)


def test_source_without_a_class_of_the_model_raises(sources):
    with pytest.raises(
        InvalidValueError, match=r'classes of data\.sources\.0.*a remap of some to sky'
    ):
        open_training_data(data(sources[:1], classes='camvid'), None)


def test_excluded_ids_count_down_from_254():
    assert [excluded_id(i, 127) for i in (0, 1, 126)] == [254, 253, 128]
    assert excluded_class(128) == 126
    with pytest.raises(InvalidValueError, match='at most 127 classes'):
        excluded_id(127, 128)


def test_sources_are_drawn_by_weight_each_image_equally_often():
    parts = (SourcePart(30, 1.0), SourcePart(10, 3.0))
    sampler = ShuffledBatchSampler(40, 4, 0, 0, 1, parts=parts)
    drawn = np.array([position[1] for batch in sampler for position in batch])
    counts = np.bincount(drawn, minlength=40)
    # Of 40 crops 10 are of the first 30 images, 30 of the last 10.
    assert counts[:30].sum() == 10
    assert counts[:30].max() == 1
    assert (counts[30:] == 3).all()
    # Mixed, not one source after the other.
    assert 10 < (drawn[:20] >= 30).sum() < 20
    sampler.epoch = 1
    assert [position[1] for batch in sampler for position in batch] != drawn.tolist()


def test_processes_share_the_draws_of_one():
    parts = (SourcePart(30, 1.0), SourcePart(10, 3.0))
    whole = list(ShuffledBatchSampler(40, 4, 5, 0, 1, parts=parts))
    shares = [list(ShuffledBatchSampler(40, 4, 5, rank, 2, parts=parts)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *shares):
        assert sorted(batch) == sorted([*first, *second])


def test_rare_classes_and_statistics_follow_the_weights():
    parts = (SourcePart(2, 1.0), SourcePart(2, 3.0))
    assert image_weights(parts).tolist() == [0.5, 0.5, 1.5, 1.5]
    counts = ClassCounts(['a', 'b'], np.array([[10, 2], [10, 0], [10, 2], [10, 0]]), {})
    weighted = counts.weighted(image_weights(parts))
    assert weighted.totals().tolist() == [40, 4]
    rare = RareClassSampler(SamplingConfig(fraction=1.0, temperature=0.01), counts, parts)
    drawn = [rare.draw(seed) for seed in range(400)]
    assert {class_id for _, class_id in drawn} == {1}
    fraction = np.mean([index == 2 for index, _ in drawn])
    # 3 of 4; the standard deviation of 400 draws is 0.02.
    assert fraction == pytest.approx(0.75, abs=0.08)


def mixed_sections(sources: list[dict[str, Any]]) -> dict[str, Any]:
    validation = [{**source, 'split': 'val'} for source in sources]
    mixed = {'sources': sources, 'val_sources': validation, 'height': SIZE, 'width': SIZE}
    return {
        'data': mixed,
        'loss': {'name': 'boundary_focal', 'stride': 2, 'lovasz': 0.5},
        'augmentation': {**TREE['augmentation'], 'whole': 0.5, 'tilt': 0.5, 'reflection': 0.5},
        'class_weights': {'scheme': 'inverse_log'},
        'sampling': {'fraction': 0.25},
    }


def test_run_of_several_sources_resumes_with_the_same_losses(sources, tmp_path):
    path = write_config(tmp_path / 'mixed.yaml', **mixed_sections(sources))
    config = load_config(path)
    whole, stopped = tmp_path / 'whole', tmp_path / 'stopped'
    train(config, None, whole)
    with stopped_after(6):
        train(config, None, stopped)
    train(config, None, stopped)
    assert step_losses(stopped) == pytest.approx(step_losses(whole), abs=1e-5)
    checkpoint = load_checkpoint(RunPaths(whole).trained)
    assert checkpoint.trained_on == 'rooms, halls, floors'
    assert [item.name for item in checkpoint.classes] == ['floor', 'wall', 'box']
    assert read_records(RunPaths(whole).metrics)[-1]['images'] == 16
    counted = json.loads(RunPaths(whole).class_counts.read_text())
    assert len(counted['pixels']) == 16
    # Nothing of 'other', which is no class.
    assert counted['pixels'][15] == [SIZE * SIZE // 2, 0, 0]


def test_patterns_choose_the_images_of_a_source(sources):
    chosen = {**sources[0], 'options': {'only': ['[0-3].png'], 'without': ['2.*']}}
    dataset, _ = open_training_data(data([chosen]), None)
    assert [dataset[index].image[0, 0, 0] for index in range(len(dataset))] == [0, 1, 3]
    for options, message in (
        ({'only': ['drive_*']}, "option only.*'drive_\\*'.*such as 0.png"),
        ({'without': ['*']}, 'option without.*leave some'),
    ):
        with pytest.raises(InvalidValueError, match=message):
            open_training_data(data([{**sources[0], 'options': options}]), None)


def test_set_reaches_into_a_list_of_sources(sources, tmp_path):
    path = write_config(tmp_path / 'mixed.yaml', data={'sources': sources})
    config = load_config(
        path, ('data.sources.1.options.without=[0.png]', 'data.sources.0.weight=5')
    )
    assert [source.weight for source in config.data.sources] == [5, 1, 1]
    assert config.data.sources[1].options == {'without': ['0.png']}
    for override in ('data.sources.3.weight=1', 'data.sources.x.weight=1', 'name.x.y=1'):
        with pytest.raises(InvalidValueError, match='--set'):
            load_config(path, (override,))


def test_evaluation_matches_classes_by_name(sources, tmp_path, capsys):
    path = write_config(tmp_path / 'mixed.yaml', **mixed_sections(sources))
    train(load_config(path, ('train.epochs=1',)), None, tmp_path / 'run')
    words = ['evaluate', str(tmp_path / 'run' / 'trained.pt'), '--dataset', 'folder', '--json']
    halls = [*words, '--root', str(tmp_path / 'halls')]
    assert main(halls) == 1
    assert 'match the classes by name with --match-names' in capsys.readouterr().err
    assert main([*halls, '--remap', 'carton=box']) == 0
    assert main([*halls, '--match-names']) == 0
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])['iou']) == {
        'floor', 'wall', 'box'
    }  # fmt: skip
    floors = [*words, '--root', str(tmp_path / 'floors'), '--exclude', 'other=floor']
    assert main(floors) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    # The labels know floor only: others are not in the mean, wherever the network sees them.
    assert result['iou'] == {'floor': result['miou'], 'wall': None, 'box': None}
    assert 0 <= result['miou'] <= 1
    assert main([*floors, '--remap', 'other']) == 1
    assert '--remap' in capsys.readouterr().err
