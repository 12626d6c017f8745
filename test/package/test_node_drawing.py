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

"""The drawing of the node is that of the current interface, and can be read in both themes."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from types import ModuleType
from xml.etree import ElementTree

from package.source_files import ROOT
import pytest

SVG = '{http://www.w3.org/2000/svg}'
# Widths of the widest characters of the fonts that a browser may choose, in pixels.
LETTER = {'name': 8.0, None: 7.0}


@pytest.fixture(scope='module')
def draw_node() -> ModuleType:
    spec = spec_from_file_location('draw_node', ROOT / 'scripts' / 'draw_node.py')
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def boxes(tree: ElementTree.Element) -> Iterator[tuple[float, list[tuple[str | None, str]]]]:
    """Yield the width of each box and its two texts, each with its class."""
    children = list(tree)
    for index, child in enumerate(children):
        if child.tag == f'{SVG}rect' and child.get('class') in ('topic', 'file', 'step'):
            texts = islice(children, index + 1, index + 3)
            yield float(child.get('width', 0)), [(t.get('class'), t.text or '') for t in texts]


def test_drawing_is_up_to_date(draw_node: ModuleType) -> None:
    page = draw_node.INTERFACE.read_text(encoding='utf-8')
    assert draw_node.DRAWING.read_text(encoding='utf-8') == draw_node.drawing(page), (
        'run python scripts/draw_node.py'
    )


def test_every_text_fits_into_its_box(draw_node: ModuleType) -> None:
    found = list(boxes(ElementTree.parse(draw_node.DRAWING).getroot()))
    names = [texts[0][1] for _, texts in found]
    assert {'image', '~/label_image', '/diagnostics', '~/overlay'} <= set(names)
    for width, texts in found:
        for kind, text in texts:
            assert len(text) * LETTER[kind] <= width - 16, text


def test_both_themes_color_the_same_parts(draw_node: ModuleType) -> None:
    light, _, dark = draw_node.STYLE.partition('@media (prefers-color-scheme: dark)')
    for part in ('.page', '.topic', '.node', '.step', '.file', '.line', '.head', 'text'):
        assert f'\n  {part} {{' in light and part in dark


def test_topic_without_a_note_is_an_error(draw_node: ModuleType) -> None:
    page = '## Published topics\n\n| `~/depth` | `sensor_msgs/msg/Image` |\n\n## Services\n'
    with pytest.raises(KeyError, match='~/depth'):
        draw_node.shown_topics(page, 'Published topics')
