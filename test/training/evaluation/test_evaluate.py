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

"""mIoU by hand, and the same mIoU from torch and from the runtime."""

from dataclasses import dataclass, replace

from helpers.tiny_training import CLASSES, command_json, tiny_checkpoint
import numpy as np
import pytest
from swiftnet_ros.core import metrics
from swiftnet_ros.core.labels import Segmentation
from training.__main__ import main
from training.datasets import open_dataset
from training.datasets.base import Sample
from training.datasets.class_table import ClassTable, shipped_class_table
from training.datasets.model_classes import ClassTableMismatchError
from training.evaluation.evaluate import evaluate, evaluate_file, wrongly_predicted
from training.export import export
from training.run.checkpoint import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class LabelDataset:
    """A dataset whose images show the label itself."""

    table: ClassTable
    labels: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        label = self.labels[index]
        return Sample(np.repeat(label[..., np.newaxis], 3, 2), label, str(index))


TABLE = ClassTable(CLASSES, (0, 1, 2))


def test_miou_matches_hand_calculation():
    first = np.array([[0, 0, 1, 1], [0, 0, 1, 255]], np.uint8)
    second = np.array([[1, 1]], np.uint8)

    def predict(image):
        prediction = image[..., 0].copy()
        if prediction.shape == (2, 4):
            prediction[0, 0], prediction[1, 3] = 1, 0
        return Segmentation(prediction)

    result = evaluate(predict, LabelDataset(TABLE, (first, second)))
    # class 0: 3 of 4, no false positive; class 1: 5 of 5, one false positive; class 2: absent
    assert result['iou'] == {'class0': 3 / 4, 'class1': 5 / 6, 'class2': None}
    assert result['miou'] == pytest.approx((3 / 4 + 5 / 6) / 2, rel=1e-12)
    assert result['images'] == 2


def test_iou_by_image_counts_images_that_show_the_class():
    # Images of one row: class 0 is right in 10 - i % 10 of the 10 pixels of image i.
    labels = [np.array([[0] * 10], np.uint8)] * 20 + [np.array([[1, 1]], np.uint8)]
    number = iter(range(21))

    def predict(image):
        prediction = image[..., 0].copy()
        prediction[0, : next(number) % 10] = 2
        return Segmentation(prediction)

    result = evaluate(predict, LabelDataset(TABLE, tuple(labels)))['by_image']
    assert set(result) == {'class0', 'class1'}
    assert result['class0']['images'] == 20
    assert result['class0']['mean'] == pytest.approx(0.55)
    # The worst two of 20 images have one right pixel of ten each.
    assert result['class0']['worst_tenth'] == pytest.approx(0.1)
    # Image 20 shows class 1 in both pixels, both right.
    assert result['class1'] == {'images': 1, 'mean': 1.0, 'worst_tenth': 1.0}


def test_iou_by_image_counts_pixels_that_exclude_the_class():
    label = np.array([[0, 0, 254, 254, 255]], np.uint8)
    dataset = LabelDataset(ClassTable(CLASSES[:2], (0, 1)), (label,))
    result = evaluate(lambda image: Segmentation(np.zeros(image.shape[:2], np.uint8)), dataset)
    assert result['by_image'] == {'class0': {'images': 1, 'mean': 0.5, 'worst_tenth': 0.5}}


def test_miou_without_labels_is_none():
    unlabeled = np.full((2, 3), 255, np.uint8)
    result = evaluate(
        lambda image: Segmentation(image[..., 0] * 0),
        LabelDataset(TABLE, (unlabeled,)),
    )
    assert (result['miou'], set(result['iou'].values())) == (None, {None})


@pytest.fixture(scope='module')
def warehouse_files(tmp_path_factory):
    """Return a folder with a checkpoint of the warehouse classes and its exported file."""
    folder, table = tmp_path_factory.mktemp('models'), shipped_class_table('warehouse')
    checkpoint = tiny_checkpoint(classes=table.classes)
    save_checkpoint(checkpoint, folder / 'tiny.pt')
    export(checkpoint, folder / 'tiny.onnx', 'tiny', checkpoint.height, checkpoint.width)
    return folder


@pytest.mark.parametrize('size', [(64, 96), (48, 80), (120, 200)])
def test_torch_and_runtime_have_the_same_miou(warehouse_files, tmp_path_factory, size):
    options = {'frames': 3, 'height': size[0], 'width': size[1]}
    scenes = open_dataset('warehouse', None, 'val', options)
    torch_result = evaluate_file(str(warehouse_files / 'tiny.pt'), scenes)
    onnx_result = evaluate_file(str(warehouse_files / 'tiny.onnx'), scenes, 'fp32')
    assert onnx_result['miou'] == pytest.approx(torch_result['miou'], abs=5e-5)
    assert torch_result['miou'] > 0.01
    assert (torch_result['precision'], onnx_result['precision']) == ('fp32', 'fp32')
    for name, iou in torch_result['iou'].items():
        assert onnx_result['iou'][name] == pytest.approx(iou, abs=2e-4), name


def test_exported_network_has_the_miou_of_its_checkpoint(finished_run, folder_root, tmp_path):
    checkpoint = load_checkpoint(finished_run.trained)
    export(checkpoint, tmp_path / 'a.onnx', 'a', checkpoint.height, checkpoint.width)
    data = open_dataset('folder', folder_root, 'val')
    result = evaluate_file(str(tmp_path / 'a.onnx'), data, 'fp32', threads=1)
    assert result['miou'] == pytest.approx(checkpoint.miou, abs=5e-5)


@pytest.mark.parametrize('ending', ['pt', 'onnx'])
def test_other_classes_raise_in_one_line(warehouse_files, folder_root, ending):
    data = open_dataset('folder', folder_root, 'val')
    with pytest.raises(
        ClassTableMismatchError, match='8 classes and the dataset 3; they'
    ) as caught:
        evaluate_file(str(warehouse_files / f'tiny.{ending}'), data)
    assert 'forklift' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_classes_in_another_order_raise(tmp_path):
    checkpoint = tiny_checkpoint()
    save_checkpoint(replace(checkpoint, classes=CLASSES[::-1]), tmp_path / 'tiny.pt')
    with pytest.raises(ClassTableMismatchError, match='they differ in their order'):
        evaluate_file(str(tmp_path / 'tiny.pt'), LabelDataset(TABLE, ()))


@pytest.mark.parametrize('ending', ['pt', 'onnx'])
def test_last_line_is_json(capsys, warehouse_files, ending):
    words = ['--dataset', 'warehouse', '--split', 'val', '--precision', 'fp32']
    options = [f'--option={option}' for option in ('frames=2', 'height=64', 'width=96')]
    path = warehouse_files / f'tiny.{ending}'
    result = command_json(capsys, 'evaluate', path, *words, *options)
    assert {'miou', 'iou', 'images'} <= set(result)
    assert result['images'] == 2
    assert 0 <= result['miou'] <= 1
    assert list(result['iou']) == [item.name for item in shipped_class_table('warehouse').classes]


def test_rendered_images_are_a_folder_data_set(capsys, warehouse_files, tmp_path):
    words = ['render', str(tmp_path / 'demo'), '--frames', '2', '--size', '96x64']
    assert main(words) == 0
    data = ['--dataset', 'folder', '--root', tmp_path / 'demo', '--split', '.']
    assert command_json(capsys, 'evaluate', warehouse_files / 'tiny.pt', *data)['images'] == 2
    rendered = open_dataset('warehouse', None, 'demo', {'frames': 2, 'height': 64, 'width': 96})
    stored = open_dataset('folder', tmp_path / 'demo', '.')
    for index in range(2):
        assert np.array_equal(stored[index].label, rendered[index].label)
        difference = np.abs(stored[index].image.astype(int) - rendered[index].image)
        assert difference.mean() < 8


def test_pixels_that_exclude_a_class_count_against_it_alone():
    label = np.array([[0, 1, 254, 254, 255]], np.uint8)
    predicted = np.array([[0, 1, 0, 1, 0]])
    assert wrongly_predicted(label, predicted, 2).tolist() == [1, 0]
    matrix = metrics.confusion_matrix(label, predicted, 2)
    # Class 0: one hit in a union of two; class 1 is predicted where only class 0 is ruled out.
    assert metrics.class_iou(matrix, wrongly_predicted(label, predicted, 2)) == [0.5, 1.0]
