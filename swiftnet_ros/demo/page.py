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

"""The page of the demo: images, labels, overlays, IoU and speed in one HTML file."""

from base64 import b64encode
from html import escape
from pathlib import Path
from string import Template
from typing import Any, List, Mapping, Optional, Sequence

from swiftnet_ros.demo.gallery import GalleryImage
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.text import safe_text

# Bytes of images, so that with their animation and in base64 the page stays below 5 MB.
_MAX_IMAGE_BYTES = 2_400_000
_FOLDER = Path(__file__).parent
_NONE = '-'


def fitting(images: Sequence[GalleryImage]) -> List[GalleryImage]:
    """Return the first images, as many as the page has space for."""
    fits: List[GalleryImage] = []
    total = 0
    for image in images:
        total += len(image.frame) + len(image.labels) + len(image.overlay)
        if total > _MAX_IMAGE_BYTES:
            break
        fits.append(image)
    return fits


def page(
    spec: ModelSpec,
    summary: Mapping[str, Any],
    facts: Mapping[str, str],
    images: Sequence[GalleryImage],
    webp: bytes,
) -> str:
    """
    Return an HTML page that needs neither a network nor other files.

    `summary` is what the demo prints as JSON, `facts` are texts by their names, `webp` is the
    animation of the `images`, empty if there is none.
    """
    return _fill(
        'page.html',
        model=escape(spec.name),
        lead=_lead(summary, len(images)),
        figures='\n'.join(_figures(summary)),
        images='\n'.join(map(_row, images)),
        legend=legend(spec, summary['iou']),
        iou_note=_iou_note(summary),
        animation=_animation(images[0], webp) if webp else '<p>It could not be written.</p>',
        facts='\n'.join(
            f'<dt>{escape(name)}</dt><dd>{escape(facts[name])}</dd>' for name in facts
        ),
    )


def live_page(spec: ModelSpec, stream: str, status: str) -> str:
    """Return the page of the live view; `stream` and `status` are the paths that it loads."""
    name = escape(spec.name)
    return _fill('live_view.html', model=name, legend=legend(spec), stream=stream, status=status)


def legend(spec: ModelSpec, iou: Optional[Mapping[str, Optional[float]]] = None) -> str:
    """Return a table of the classes and their colors, and the IoU of each if it is known."""
    heads = '<th scope="col">Id</th><th scope="col">Class</th>'
    if iou:
        heads += '<th scope="col" class="number">IoU</th><td></td>'
    rows = []
    for number, item in enumerate(spec.classes):
        color = '#' + bytes(item.rgb).hex()
        rows.append(
            f'<tr><td class="number">{number}</td><th scope="row">'
            f'<span class="swatch" style="background:{color}"></span>{escape(item.name)}</th>'
            f'{_iou_cells(iou[item.name]) if iou else ""}</tr>'
        )
    lines = [f'<thead><tr>{heads}</tr></thead>', '<tbody>', *rows, '</tbody>']
    return '\n'.join(['<table class="classes">', *lines, '</table>'])


def _fill(template: str, **values: str) -> str:
    style = (_FOLDER / 'style.css').read_text(encoding='utf-8')
    text = (_FOLDER / template).read_text(encoding='utf-8')
    return Template(text).substitute(values, style=style)


def _lead(summary: Mapping[str, Any], shown: int) -> str:
    images = summary['images']
    count = f'{images} images' if shown == images else f'{shown} of {images} images'
    return (
        f'{count}, sent to the ROS 2 node over topics, {summary["rate"]:g} frames a second. A '
        'label image has one class id per pixel, drawn here in the colors of the classes.'
    )


def _figures(summary: Mapping[str, Any]) -> List[str]:
    sent = summary['frames'] + summary['dropped']
    figures = {
        'mIoU': _number(summary['miou'], '.4f'),
        'Frames per second': _number(summary['fps'], '.1f'),
        'Latency, median': _number(summary['p50_ms'], '.0f', ' ms'),
        'Latency, 95th percentile': _number(summary['p95_ms'], '.0f', ' ms'),
        'Dropped frames': f'{summary["dropped"]} of {sent}',
    }
    return [f'<div><dt>{name}</dt><dd>{text}</dd></div>' for name, text in figures.items()]


def _number(value: Optional[float], form: str, unit: str = '') -> str:
    return _NONE if value is None else f'{value:{form}}{unit}'


def _row(image: GalleryImage) -> str:
    # A file's name may be no text at all.
    name = escape(safe_text(image.name))
    frame = _image(image, 'jpeg', image.frame, f'Frame {name}')
    cells = (
        f'<figure>{frame}<figcaption>{name}</figcaption></figure>',
        _image(image, 'png', image.labels, f'Label image of {name}'),
        _image(image, 'jpeg', image.overlay, f'Overlay of {name}'),
    )
    return f'<tr>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _image(image: GalleryImage, kind: str, content: bytes, text: str) -> str:
    height, width = image.size
    size = f'width="{width}" height="{height}"'
    return f'<img src="{_data(kind, content)}" alt="{text}" {size}>'


def _animation(first: GalleryImage, webp: bytes) -> str:
    """Return the animation, or the first overlay for those whose system asks for no motion."""
    still = _data('jpeg', first.overlay)
    moving = _image(first, 'webp', webp, 'The overlays of all images, one after the other')
    source = f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
    return f'<picture>{source}{moving}</picture>'


def _data(kind: str, content: bytes) -> str:
    return f'data:image/{kind};base64,{b64encode(content).decode("ascii")}'


def _iou_cells(value: Optional[float]) -> str:
    number = f'<td class="number">{_number(value, ".4f")}</td>'
    bar = '' if value is None else f'<span style="width:{value:.1%}"></span>'
    return f'{number}<td class="bar" aria-hidden="true">{bar}</td>'


def _iou_note(summary: Mapping[str, Any]) -> str:
    if summary['iou'] is None:
        return 'There is no IoU without label images (<code>--labels</code>).'
    return (
        'IoU: intersection over union of predicted and true pixels, over all images; '
        f'{_NONE} if no pixel is of the class.'
    )
