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

"""The kinds of files that training reads, with generators of damaged ones."""

from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from io import BytesIO
import json
from pathlib import Path
from random import Random

from helpers.bags import write_bag
from helpers.damage import damaged, FileKind, odd_json, ODD_VALUES, odd_yaml, with_odd_value
from helpers.tiny_training import tiny_checkpoint, tiny_config
import numpy as np
import torch
from training.datasets.bag import open_bag
from training.datasets.class_table import read_class_table
from training.datasets.coco import CocoAnnotations, read_coco
from training.datasets.cvat import read_color_map
from training.datasets.labelme import LabelmeAnnotations, read_labelme
from training.experiments.result import read_result
from training.pruning.history import load_history
from training.pruning.masks import load_masks, save_masks
from training.pseudo_labels.boxes import read_boxes
from training.pseudo_labels.class_map import load_label_map
from training.report.tables import read_evaluation, read_reference
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import drop_records
from training.schema.config import load_config

TABLE = {
    'classes': [{'name': 'floor', 'rgb': [1, 2, 3]}, {'name': 'wall', 'rgb': [4, 5, 6]}],
    'source_ids': [0, 1],
    'ignored_source_ids': [7],
}
HISTORY = {'removals': [{'layer': 'a', 'side': 'out', 'channels': 4, 'indices': [0, 2]}]}
RESULT = {
    'name': 'dense',
    'seed': 0,
    'weights': 'trained',
    'dataset': 'folder',
    'params': 10,
    'gmacs': 1.5,
    'miou': 0.5,
    'iou': {'floor': 0.5, 'wall': None},
    'widths': {'a': 4},
    'kept_channels': {'a': [0, 1]},
}
EVALUATION = {'images': 3, 'miou': 0.5, 'iou': {'floor': 0.5}}
REFERENCE = {
    'source': 'a paper',
    'data': 'CamVid',
    'device': 'a GPU',
    'rows': [{'row': 'full', 'arm': 'dense', 'miou': 70.1}],
}
BOXES = b'0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.4 0.1 0.4 0.4\n'
LABEL_MAP = {
    'classes': 'indoor',
    'remap': {'person': 'object'},
    'boxes': [{'name': 'crate', 'label': 'object', 'fill': 0.5}],
    'odds': 8.0,
    'over': ['person'],
}
COCO = {
    'images': [{'id': 1, 'file_name': 'a.png', 'height': 6, 'width': 8}],
    'categories': [{'id': 3, 'name': 'floor'}],
    'annotations': [
        {'image_id': 1, 'category_id': 3, 'iscrowd': 0, 'segmentation': [[0, 0, 5, 0, 5, 5]]},
        {'image_id': 1, 'category_id': 3, 'segmentation': {'size': [6, 8], 'counts': [40, 8]}},
        {'image_id': 1, 'category_id': 3, 'segmentation': {'size': [6, 8], 'counts': 'X18'}},
    ],
}
LABELME = {
    'imagePath': 'a.png',
    'imageHeight': 6,
    'imageWidth': 8,
    'shapes': [
        {'label': 'floor', 'shape_type': 'polygon', 'points': [[0, 0], [5, 0], [5, 5]]},
        {'label': 'floor', 'shape_type': 'mask', 'points': [[0, 0], [0, 0]], 'mask': ''},
        {'label': 'floor', 'shape_type': 'circle', 'points': [[3, 3], [4, 4]]},
    ],
}
COLOR_MAP = b'# label:color_rgb:parts:actions\nbackground:0,0,0::\nfloor:250,50,83::\n'
RECORDS = [{'step': 1, 'loss': 0.5}, {'step': 2, 'loss': 0.25}]
# Values that torch.save stores and JSON does not.
ODD_TENSORS = [
    torch.zeros(1).expand(10**6, 10**6),
    torch.zeros(0),
    torch.tensor(float('nan')),
    torch.zeros(2, dtype=torch.complex64),
    torch.zeros(4, dtype=torch.int64),
    torch.empty(3, device='meta'),
]


def draw_coco(path: Path) -> None:
    file = read_coco(path)
    for image in file.images.values():
        ids = dict.fromkeys(file.names, 0)
        CocoAnnotations(image.size, [(path, image.objects)], ids, 255, False).to_ids()


def annotation_kinds() -> list[FileKind]:
    """Return the kinds of files of labeling tools."""
    return [
        FileKind(
            'color map', 'odd.txt', lambda random: damaged(COLOR_MAP, random), read_color_map
        ),
        FileKind('COCO annotations', 'odd.json', lambda random: odd_json(COCO, random), draw_coco),
        FileKind(
            'labelme annotations',
            'odd.json',
            lambda random: odd_json(LABELME, random),
            lambda path: LabelmeAnnotations(read_labelme(path), {}, 255).to_ids(),
        ),
    ]


def bag_kinds(folder: Path) -> list[FileKind]:
    """Return the kinds of bags, none where they cannot be read."""
    if find_spec('rosbags') is None:
        return []
    kinds, images = [], [('/image', np.full((6, 8, 3), value, np.uint8)) for value in range(3)]
    for storage, suffix in (('mcap', '.mcap'), ('sqlite3', '.db3')):
        (file,) = write_bag(folder / storage, images, 10**9, storage).glob(f'*{suffix}')
        make = partial(damaged, file.read_bytes())
        kinds.append(FileKind(f'bag {suffix}', f'odd{suffix}', make, play_bag, names_file=False))
    return kinds


def play_bag(path: Path) -> None:
    for _ in open_bag(path, None, lambda warning: None).play():
        pass


def training_kinds(folder: Path) -> list[FileKind]:
    """Return the kinds of files; valid ones are written to a folder first."""
    save_checkpoint(tiny_checkpoint(), folder / 'tiny.pt')
    whole = (folder / 'tiny.pt').read_bytes()
    content = torch.load(BytesIO(whole), weights_only=True)
    save_masks({'a': torch.tensor([[True, False, True, True]])}, folder / 'masks.json')
    masks = json.loads((folder / 'masks.json').read_text())

    def checkpoint(random: Random) -> bytes:
        file = BytesIO()
        odd = with_odd_value(content, random, lambda: random.choice(ODD_VALUES + ODD_TENSORS))
        torch.save(odd, file)
        return file.getvalue()

    def records(random: Random) -> bytes:
        lines = [json.dumps(record).encode() for record in RECORDS]
        lines.insert(random.randrange(3), odd_json(RECORDS[0], random))
        return b'\n'.join(lines) + b'\n'

    def json_kind(name, tree, read):
        return FileKind(name, 'odd.json', lambda random: odd_json(tree, random), read)

    config = asdict(tiny_config())
    return [
        *annotation_kinds(),
        *bag_kinds(folder),
        FileKind('checkpoint', 'odd.pt', lambda random: damaged(whole, random), load_checkpoint),
        FileKind('checkpoint content', 'odd.pt', checkpoint, load_checkpoint),
        FileKind(
            'configuration',
            'odd.yaml',
            lambda random: odd_yaml(config, random),
            load_config,
            names_file=False,
        ),
        FileKind(
            'class table', 'odd.yaml', lambda random: odd_yaml(TABLE, random), read_class_table
        ),
        FileKind(
            'boxes',
            'odd.txt',
            lambda random: damaged(BOXES, random),
            lambda path: read_boxes(path, 2),
        ),
        FileKind(
            'label map',
            'odd.yaml',
            lambda random: odd_yaml(LABEL_MAP, random),
            lambda path: load_label_map(str(path)),
        ),
        FileKind('records', 'odd.jsonl', records, lambda path: drop_records(path, 'step', 1)),
        json_kind('pruning history', HISTORY, load_history),
        json_kind('masks', masks, load_masks),
        json_kind('result', RESULT, read_result),
        json_kind('evaluation', EVALUATION, read_evaluation),
        json_kind('reference table', REFERENCE, read_reference),
    ]
