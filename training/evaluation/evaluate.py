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

"""Evaluation: mIoU over a split, of a checkpoint in torch or an ONNX file with the runtime."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from swiftnet_ros.backends.base import Backend
from swiftnet_ros.backends.registry import open_backend
from swiftnet_ros.core import labels, metrics
from swiftnet_ros.core.frames import Frame, to_network_input
from swiftnet_ros.core.label_coverage import Counts, coverage_warning, label_counts
from swiftnet_ros.errors import NonFiniteLogitsError
from swiftnet_ros.system.paths import expand_path
from swiftnet_ros.system.progress import progress, warn_above
import torch
from torch import nn
from training.datasets.base import ImageLabelDataset
from training.datasets.class_statistics import WAY_OUT
from training.datasets.class_table import excluded_class, UNLABELED
from training.datasets.mixture import NameMap
from training.datasets.model_classes import with_model_classes
from training.datasets.terms import Terms
from training.run.checkpoint import Checkpoint, load_checkpoint

# RGB uint8 [H, W, 3] -> class ids [H, W], with or without confidence
Predictor = Callable[[np.ndarray], labels.Segmentation]


def evaluate_file(
    path: str,
    dataset: ImageLabelDataset,
    precision: str = 'auto',
    threads: int = 0,
    names: NameMap | None = None,
) -> dict[str, Any]:
    """
    Evaluate a .pt checkpoint in torch, or an .onnx file or shipped model by the runtime.

    With `names` the dataset's classes are matched to the model's by name, otherwise they must be
    the same.

    Returns the metrics of `evaluate`, the precision of the arithmetic, and the license and terms
    of the weights. Raises
    ClassTableMismatchError if the classes of model and dataset differ, NonFiniteLogitsError if
    the network's logits are no numbers.
    """
    if path.endswith('.pt'):
        checkpoint = load_checkpoint(Path(expand_path(path)))
        dataset = with_model_classes(dataset, checkpoint.classes, names)
        result = {**evaluate_checkpoint(checkpoint, dataset), 'precision': 'fp32'}
        return {**result, **checkpoint.known_terms._asdict()}
    with open_backend(path, 'openvino', precision, threads) as engine:
        dataset = with_model_classes(dataset, engine.spec.classes, names)
        result = evaluate(engine_predictor(engine), dataset)
        terms = Terms(engine.spec.license, engine.spec.terms)
        return {**result, 'precision': engine.precision, **terms._asdict()}


def evaluate_checkpoint(checkpoint: Checkpoint, dataset: ImageLabelDataset) -> dict[str, Any]:
    """
    Return the metrics of `evaluate` of a checkpoint's network in torch on the CPU.

    The dataset has the classes of the checkpoint.
    """
    network, size = checkpoint.network().eval(), (checkpoint.height, checkpoint.width)
    device = torch.device('cpu')
    return evaluate(torch_predictor(network, *size, device, with_confidence=True), dataset)


def evaluate(
    predict: Predictor,
    dataset: ImageLabelDataset,
    labels_name: str = 'the labels',
) -> dict[str, Any]:
    """
    Return `miou` (0 to 1, None without labels), `iou` by class name and number of `images`.

    `by_image` has `images`, `mean` and `worst_tenth` of the IoU in single images for each class
    that the labels contain; images without it do not count. A class that the labels of a dataset
    with other classes cannot have is None and not in the mean: predicted where another class is,
    it counts against that one. `ece`, the expected calibration error, is added if the predictions
    have a confidence. Warn if the labels, called `labels_name`, lack a class; an empty name is no
    warning.
    """
    names = [item.name for item in dataset.table.classes]
    count = len(names)
    matrix = metrics.confusion_matrix(np.empty(0, int), np.empty(0, int), count)
    excluded, rows = np.zeros(count, np.int64), []
    by_image: list[list[float]] = [[] for _ in names]
    confidences, has_confidence = np.zeros((256, 2), np.int64), False
    for index in progress(range(len(dataset)), 'evaluate'):
        sample = dataset[index]
        result = predict(sample.image)
        predicted = result.labels
        if result.confidence is not None:
            has_confidence = True
            confidences += metrics.confidence_counts(
                sample.label, predicted, result.confidence, count
            )
        of_image = metrics.confusion_matrix(sample.label, predicted, count)
        wrong = wrongly_predicted(sample.label, predicted, count)
        for number, iou in enumerate(metrics.class_iou(of_image, wrong)):
            if iou is not None and of_image[number].any():
                by_image[number].append(iou)
        matrix += of_image
        excluded += wrong
        rows.append(label_counts(sample.label, count, UNLABELED))
    if labels_name and rows:
        warn_of_labels(names, np.array(rows), labels_name)
    values = iou_of_labeled(dataset, matrix, excluded)
    error = {'ece': metrics.calibration_error(confidences)} if has_confidence else {}
    return {
        'miou': metrics.mean_of_known(values),
        'iou': dict(zip(names, values)),
        'by_image': {
            name: image_iou_summary(values) for name, values in zip(names, by_image) if values
        },
        'images': len(dataset),
        **error,
    }


def image_iou_summary(values: Sequence[float]) -> dict[str, float]:
    """
    Return number, mean and mean of the worst tenth of one class's IoU in single images.

    The worst tenth is one image at least.
    """
    worst = np.sort(values)[: max(1, len(values) // 10)]
    mean, worst_tenth = float(np.mean(values)), float(np.mean(worst))
    return {'images': len(values), 'mean': mean, 'worst_tenth': worst_tenth}


def warn_of_labels(names: Sequence[str], counts: Counts, what: str) -> None:
    """Print a warning if labels lack a class or look like masks of 0 and 255."""
    warning = coverage_warning(names, counts, what, WAY_OUT)
    if warning:
        warn_above(warning)


def wrongly_predicted(
    label: np.ndarray, predicted: np.ndarray, classes: int
) -> npt.NDArray[np.int64]:
    """Return by class the number of pixels predicted as it whose label only excludes it."""
    is_excluding = (label >= classes) & (label != UNLABELED)
    found = predicted[is_excluding]
    wrong = found[found == excluded_class(label[is_excluding])]
    return np.bincount(wrong, minlength=classes)[:classes]


def torch_predictor(
    network: nn.Module,
    height: int,
    width: int,
    device: torch.device,
    with_confidence: bool = False,
) -> Predictor:
    """Return a predictor for a torch network; it preprocesses and postprocesses as the runtime."""

    def predict(image: np.ndarray) -> labels.Segmentation:
        tensor = torch.from_numpy(to_network_input(Frame(image), height, width))
        with torch.inference_mode():
            logits = network(tensor.permute(0, 3, 1, 2).to(device))[0].float().cpu().numpy()
        check_logits(logits, 'the checkpoint', 'fp32')
        rows, columns = image.shape[:2]
        return labels.from_logits(logits, rows, columns, with_confidence)

    return predict


def iou_of_labeled(
    dataset: object, matrix: metrics.Matrix, excluded: npt.NDArray[np.int64] | None = None
) -> list[float | None]:
    """Return `metrics.class_iou`, None for classes that the dataset's labels cannot have."""
    values = metrics.class_iou(matrix, excluded)
    # None: of a dataset with the model's own classes.
    labeled = getattr(dataset, 'labeled_ids', None)
    if labeled is None:
        return values
    return [value if number in labeled else None for number, value in enumerate(values)]


def engine_predictor(engine: Backend) -> Predictor:
    """Return a predictor with the steps of `Backend.segment` that also checks the logits."""

    def predict(image: np.ndarray) -> labels.Segmentation:
        height, width = image.shape[:2]
        return labels.from_logits(engine_logits(engine, image), height, width, True)

    return predict


def engine_logits(engine: Backend, image: np.ndarray) -> labels.Logits:
    """Return the logits of an image of any size; raise NonFiniteLogitsError."""
    size = engine.spec.input_height, engine.spec.input_width
    logits = engine.infer(to_network_input(Frame(image), *size))
    check_logits(logits, engine.spec.name, engine.precision)
    return logits


def check_logits(logits: labels.Logits, model: str, precision: str) -> None:
    """Raise NonFiniteLogitsError if a logit is NaN or infinite; NaN has no largest class."""
    if not np.isfinite(logits).all():
        raise NonFiniteLogitsError(model, precision)
