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

"""A tiny dataset, configuration and checkpoint for tests of training, and interrupted runs."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import pytest
from swiftnet_ros.model_spec import SemanticClass
import torch
from torch import nn
from torch.utils.data import DataLoader
from training.__main__ import main
from training.datasets.base import ImageLabelDataset
from training.datasets.class_table import UNLABELED
from training.datasets.loader import ShuffledBatchSampler, training_loader
from training.datasets.transforms.augmentation import FILL
from training.models import build_model
from training.run.checkpoint import Checkpoint, load_checkpoint
from training.run.folder import read_records, RunPaths
from training.schema.config import Config, config_from_tree, ModelConfig
from training.trainer import train as train_module
import yaml

COLORS = ((220, 40, 40), (40, 200, 60), (50, 60, 230))
CLASSES = tuple(SemanticClass(f'class{i}', rgb) for i, rgb in enumerate(COLORS))
HEIGHT, WIDTH = 64, 96
TREE: dict = {
    'name': 'tiny',
    'model': {'widths': [4, 4, 4, 6, 8], 'levels': 2, 'features': 8},
    'data': {'dataset': 'folder', 'height': HEIGHT, 'width': WIDTH},
    'augmentation': {'crop': 64, 'scale_min': 0.75, 'scale_max': 1.25},
    'loss': {'name': 'cross_entropy'},
    'optimizer': {'lr': 0.01},
    'train': {'epochs': 2, 'batch_size': 4, 'ema_decay': 0.5, 'evaluate_every': 1},
}

# Run the command, and a statement after the losses of each step are written.
AFTER_LOSSES = """
import os, signal, sys, time
from training.trainer import callbacks
from training.__main__ import main

write = callbacks.log_losses

def log_losses(paths, board):
    inner = write(paths, board)
    def log(state):
        inner(state)
        {statement}
    return log

callbacks.log_losses = log_losses
sys.exit(main(sys.argv[1:]))
"""


def training_that(statement: str) -> str:
    """Return Python code that runs the command line and a statement with each step's `state`."""
    return AFTER_LOSSES.format(statement=statement)


def tiny_config(**sections: Any) -> Config:
    """Return the configuration of a tiny run; `train={'epochs': 3}` changes a section."""
    return config_from_tree(_tree(sections))


def write_config(path: Path, **sections: Any) -> Path:
    path.write_text(yaml.safe_dump(_tree(sections)))
    return path


def _tree(sections: dict[str, Any]) -> dict[str, Any]:
    changed = {key: {**TREE.get(key, {}), **changes} for key, changes in sections.items()}
    return {**TREE, **changed}


def tiny_loader(
    config: Config, dataset: ImageLabelDataset, *share: int, rare_classes: Any = None
) -> tuple[DataLoader, ShuffledBatchSampler]:
    """Return the training loader and its sampler; `share` is (rank, number of processes)."""
    sections = config.augmentation, config.train
    return training_loader(dataset, *sections, *share, rare_classes=rare_classes)


def draw_label(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return random class ids [height, width]: rectangles of classes 1 and 2 on class 0."""
    label = np.zeros((height, width), np.uint8)
    for class_id in (1, 2):
        top, left = int(random.integers(height // 2)), int(random.integers(width // 2))
        cv2.rectangle(label, (left, top), (left + width // 3, top + height // 3), class_id, -1)
    return label


def write_split(folder: Path, images: int, height: int, width: int, seed: int) -> None:
    """Write `images`, in the noisy colors of the classes, and `labels`."""
    random = np.random.default_rng(seed)
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    for index in range(images):
        label = draw_label(random, height, width)
        image = np.array(COLORS)[label] + random.normal(0, 12, (height, width, 3))
        pixels = np.clip(image, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / 'images' / f'{index:03d}.png'), pixels[..., ::-1])
        cv2.imwrite(str(folder / 'labels' / f'{index:03d}.png'), label)


def write_folder(root: Path, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """Write a dataset of 8 training and 3 validation images in the layout of `folder`."""
    write_split(root / 'train', 8, height, width, 0)
    write_split(root / 'val', 3, height, width, 1)
    table = {'classes': [{'name': item.name, 'rgb': list(item.rgb)} for item in CLASSES]}
    (root / 'classes.yaml').write_text(yaml.safe_dump(table))
    return root


def tiny_checkpoint(
    model: ModelConfig | None = None, height: int = HEIGHT, width: int = WIDTH, **changes: Any
) -> Checkpoint:
    """Return a checkpoint with random weights that predicts every class somewhere."""
    torch.manual_seed(0)
    config = model or tiny_config().model
    classes = changes.pop('classes', CLASSES)
    network = build_model(config, len(classes))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                values.normal_(0, 0.1)
            for values in (layer.running_var, layer.weight.data):
                values.uniform_(0.5, 1.5)
    _balance(network)
    values = {
        'ignored_source_ids': [],
        'trained_on': 'folder',
        'weights': network.state_dict(),
        'miou': 0.25,
    }
    values.update(changes)
    return Checkpoint(model=config, classes=classes, height=height, width=width, **values)


def _balance(network: nn.Module) -> None:
    """Scale the logits of each class to mean 0 and deviation 1 on noise."""
    image = torch.randint(0, 256, (1, 3, 128, 192))
    with torch.inference_mode():
        logits = network.eval()(image)
    spread, mean = logits.std((0, 2, 3)), logits.mean((0, 2, 3))
    head = network.head[-1]
    head.weight.data /= spread.view(-1, 1, 1, 1)
    head.bias.data = -mean / spread


def step_losses(folder: Path) -> list[float]:
    """Return the loss of every step, asserting that each is recorded once."""
    records = read_records(RunPaths(folder).losses)
    assert [record['step'] for record in records] == list(range(1, len(records) + 1))
    return [record['loss'] for record in records]


def final_weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(RunPaths(folder).trained).weights)


class StoppedError(Exception):
    """Raised to interrupt a run."""


@contextmanager
def stopped_after(step: int, folder: Path | None = None) -> Iterator[None]:
    """Interrupt the training inside the block after a step of any run, or of that in `folder`."""
    default_callbacks = train_module.default_callbacks

    def stop(state) -> None:
        if state.step == step:
            raise StoppedError

    def with_stop(*arguments):
        paths = next(item for item in arguments if isinstance(item, RunPaths))
        callbacks = default_callbacks(*arguments)
        return [*callbacks, stop] if folder in (None, paths.folder) else callbacks

    patched = mock.patch.object(train_module, 'default_callbacks', with_stop)
    with patched, pytest.raises(StoppedError):
        yield


# The color of each class id of a tiny dataset; unlabeled pixels have that of the padding.
COLOR_OF = np.zeros((256, 3), np.uint8)
COLOR_OF[:3] = COLORS
COLOR_OF[UNLABELED] = FILL


def shapes_label(height: int, width: int, ids: tuple[int, int, int] = (0, 1, 2)) -> np.ndarray:
    """Return a label [height, width] of a background, a rectangle, a disc and an unlabeled top."""
    label = np.full((height, width), ids[0], np.uint8)
    cv2.rectangle(label, (width // 4, height // 3), (width, height), ids[1], -1)
    cv2.circle(label, (width // 2, height // 2), height // 5, ids[2], -1)
    label[: height // 8] = UNLABELED
    return label


def interior(label: np.ndarray, margin: int = 3) -> np.ndarray:
    """Return the pixels bool [H, W] that have one class within `margin` pixels."""
    kernel = np.ones((2 * margin + 1,) * 2, np.uint8)
    flat = cv2.dilate(label, kernel) == cv2.erode(label, kernel)
    inner = np.zeros_like(flat)
    inner[margin:-margin, margin:-margin] = True
    return flat & inner


def command_json(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    """Run a command, which has to succeed, and return the JSON of its last line."""
    assert main([*map(str, words), '--json']) == 0
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))
