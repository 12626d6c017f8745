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

"""Measure mIoU over a whole split: of a checkpoint in torch, of an ONNX file by the runtime."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from swiftnet_ros.backends.registry import open_engine
from swiftnet_ros.core import labels, metrics
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.errors import SwiftnetError
from swiftnet_ros.segmenter import Segmenter
import torch
from torch import nn
from tqdm import tqdm
from training.datasets.base import ImageLabelDataset
from training.run.checkpoint import load_checkpoint

# RGB uint8 [H, W, 3] -> class ids [H, W]
Predictor = Callable[[np.ndarray], labels.Labels]


class ClassTableMismatchError(SwiftnetError):
    """A model and a data set with different classes."""

    def __init__(self, model: list[str], dataset: list[str]) -> None:
        differing = sorted(set(model) ^ set(dataset)) or ['their order']
        super().__init__(
            f'the model has {len(model)} classes and the data set {len(dataset)}; they differ '
            f'in {", ".join(differing)}; evaluate on the data set that the model was trained for'
        )


def check_classes(model: list[str], dataset: ImageLabelDataset) -> None:
    """Refuse a model whose class names are not those of the data set, in their order."""
    expected = [item.name for item in dataset.table.classes]
    if model != expected:
        raise ClassTableMismatchError(model, expected)


def evaluate(predict: Predictor, dataset: ImageLabelDataset, progress: bool = True
             ) -> dict[str, Any]:  # fmt: skip
    """Give miou (fraction of 1), iou by class name, and the number of images."""
    names = [item.name for item in dataset.table.classes]
    matrix = metrics.confusion_matrix(np.empty(0, int), np.empty(0, int), len(names))
    for index in tqdm(range(len(dataset)), 'evaluate', disable=None if progress else True):
        sample = dataset[index]
        matrix += metrics.confusion_matrix(sample.label, predict(sample.image), len(names))
    iou = dict(zip(names, metrics.class_iou(matrix)))
    return {'miou': metrics.mean_iou(matrix), 'iou': iou, 'images': len(dataset)}


def torch_predictor(model: nn.Module, height: int, width: int, device: torch.device) -> Predictor:
    """Segment with a torch network, its frames and labels made as the runtime makes them."""

    def predict(image: np.ndarray) -> labels.Labels:
        tensor = torch.from_numpy(to_network_input(Frame(image), height, width))
        with torch.inference_mode():
            logits = model(tensor.permute(0, 3, 1, 2).to(device))[0].float().cpu().numpy()
        return labels.from_logits(logits, *image.shape[:2]).labels

    return predict


def evaluate_file(
    path: str, dataset: ImageLabelDataset, precision: str = 'auto', threads: int = 0
) -> dict[str, Any]:
    """Evaluate a .pt checkpoint, or an .onnx file or shipped model through the Segmenter."""
    with ExitStack() as stack:
        if path.endswith('.pt'):
            checkpoint = load_checkpoint(Path(path))
            predict = torch_predictor(
                checkpoint.network().eval(),
                checkpoint.height,
                checkpoint.width,
                torch.device('cpu'),
            )
            names, used = [item.name for item in checkpoint.classes], 'fp32'
        else:
            engine = stack.enter_context(open_engine(path, 'openvino', precision, threads))
            segmenter = Segmenter(engine)
            names, used = list(engine.spec.class_names), engine.precision

            def predict(image: np.ndarray) -> labels.Labels:
                return segmenter.segment(image).labels

        check_classes(names, dataset)
        return {**evaluate(predict, dataset), 'precision': used}
