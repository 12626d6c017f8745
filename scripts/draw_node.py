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

"""
Draw the node with its topics: docs/images/node.svg, from the tables of docs/ros_interface.md.

    python scripts/draw_node.py

Topics that every ROS node has are not shown. A topic without a note here is an error.
"""

from pathlib import Path
import re
from typing import List, Tuple
from xml.sax.saxutils import escape

DOCS = Path(__file__).resolve().parents[1] / 'docs'
INTERFACE, DRAWING = DOCS / 'ros_interface.md', DOCS / 'images' / 'node.svg'

# name in the table -> what the drawing says about it; None: not shown
NOTES = {
    'image': 'raw: RGB, BGR, Bayer, YUV, gray',
    'image/compressed': 'instead of image: JPEG or PNG',
    'camera_info': 'optional calibration',
    '/clock': None,
    '~/label_image': 'a class id for each pixel, mono8',
    '~/label_image/compressed': 'the same as PNG, lossless',
    '~/color': 'labels in class colors',
    '~/overlay': 'class colors over the camera image',
    '~/confidence': 'top class probability, 0 to 255',
    '~/camera_info': 'calibration of the label image',
    '~/label_info': 'class names, transient local',
    '/diagnostics': 'rates, drops, latencies; 1 Hz',
    '~/transition_event': None,
    '/parameter_events': None,
    '/rosout': None,
}
STEPS = (
    ('resize', "to the network's input"),
    ('network', 'CPU: OpenVINO; GPU: TensorRT'),
    ('upsample logits, argmax', "labels at the camera's size"),
)
MODEL = ('X.int8.onnx, X.fp32.onnx', 'network, classes, colors, size')
CONTROL = ('services, parameters', 'lifecycle; ~/reload loads a model')
TITLE = 'The segmentation node: topics that it subscribes to and publishes'

WIDTH, TOP, ROW, STEP, HEIGHT_OF_BOX = 980, 52, 54, 116, 44
LEFT, NODE, RIGHT = (16, 262), (336, 274), (668, 296)  # x and width of the three columns
STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de }
  .topic { fill: #ddf4ff; stroke: #0969da }
  .node { fill: #f6f8fa; stroke: #57606a }
  .step { fill: #fff8c5; stroke: #9a6700 }
  .file { fill: #f6f8fa; stroke: #57606a; stroke-dasharray: 4 3 }
  .line { fill: none; stroke: #57606a; stroke-width: 1.5 }
  .head { fill: #57606a }
  text { fill: #1f2328; font: 12px 'DejaVu Sans', Verdana, sans-serif }
  .name { font: bold 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace }
  .title { font-weight: bold; font-size: 14px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    .topic { fill: #10243e; stroke: #58a6ff }
    .node, .file { fill: #161b22; stroke: #8b949e }
    .step { fill: #2d2a12; stroke: #d29922 }
    .line { stroke: #8b949e }
    .head { fill: #8b949e }
    text { fill: #e6edf3 }
  }
"""


def names_in_table(page: str, heading: str) -> List[str]:
    """Return the names in the first column of the table below a heading."""
    section = page.partition(f'## {heading}\n')[2].partition('\n## ')[0]
    return re.findall(r'^\| `([^`]+)` \|', section, re.MULTILINE)


def shown_topics(page: str, heading: str) -> List[Tuple[str, str]]:
    """Return name and note of each topic that is shown; KeyError for one without a note."""
    notes = [(name, NOTES[name]) for name in names_in_table(page, heading)]
    return [(name, note) for name, note in notes if note is not None]


def box(column: Tuple[int, int], y: float, kind: str, name: str, note: str) -> str:
    """Return a rectangle with two lines of text."""
    x, width = column
    return (
        f'<rect class="{kind}" x="{x}" y="{y:g}" width="{width}" '
        f'height="{HEIGHT_OF_BOX}" rx="6"/>\n'
        f'<text class="name" x="{x + 10}" y="{y + 18:g}">{escape(name)}</text>\n'
        f'<text x="{x + 10}" y="{y + 35:g}">{escape(note)}</text>'
    )


def arrow(start: int, end: int, y: float) -> str:
    """Return a horizontal arrow to the right."""
    return (
        f'<path class="line" d="M{start} {y:g}H{end - 7}"/>'
        f'<path class="head" d="M{end} {y:g}l-9 -5v10z"/>'
    )


def drawing(page: str) -> str:
    """Return the SVG for the text of docs/ros_interface.md."""
    inputs = [(*item, 'topic') for item in shown_topics(page, 'Subscribed topics')]
    inputs += [(*MODEL, 'file'), (*CONTROL, 'file')]
    outputs = shown_topics(page, 'Published topics')
    height = TOP + ROW * len(outputs)
    node_x, node_width = NODE
    middle = HEIGHT_OF_BOX / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 12}" role="img">',
        f'<title>{TITLE}</title>\n<style>{STYLE}</style>',
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height + 11}" rx="8"/>',
        f'<rect class="node" x="{node_x}" y="16" width="{node_width}" '
        f'height="{height - 26}" rx="8"/>',
        f'<text class="title" x="{LEFT[0]}" y="36">inputs</text>',
        f'<text class="title" x="{node_x + 14}" y="40">/segmentation (lifecycle node)</text>',
        f'<text class="title" x="{RIGHT[0]}" y="36">publishes</text>',
    ]
    between = ROW * (len(outputs) - len(inputs)) / (len(inputs) - 1)
    for index, (name, note, kind) in enumerate(inputs):
        y = TOP + index * (ROW + between)
        parts += [box(LEFT, y, kind, name, note), arrow(sum(LEFT), node_x, y + middle)]
    for index, (name, note) in enumerate(outputs):
        y = TOP + index * ROW
        parts += [box(RIGHT, y, 'topic', name, note)]
        parts += [arrow(node_x + node_width, RIGHT[0], y + middle)]
    step_column = (node_x + 14, node_width - 28)
    for index, (name, note) in enumerate(STEPS):
        y = TOP + 26 + index * STEP
        parts += [box(step_column, y, 'step', name, note)]
        if index:
            center = node_x + node_width // 2
            parts += [
                f'<path class="line" d="M{center} {y - STEP + HEIGHT_OF_BOX}V{y - 7}"/>'
                f'<path class="head" d="M{center} {y}l-5 -9h10z"/>'
            ]
    lines = ('The newest frame wins; each output is', 'computed only while it is subscribed to.')
    for index, text in enumerate(lines):
        y = height - 58 + 18 * index
        parts += [f'<text x="{node_x + 14}" y="{y}">{text}</text>']
    return '\n'.join([*parts, '</svg>', ''])


if __name__ == '__main__':
    DRAWING.write_text(drawing(INTERFACE.read_text(encoding='utf-8')), encoding='utf-8')
