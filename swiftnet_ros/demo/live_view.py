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

"""The live view of the demo: a page on this machine that shows the newest overlay."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import sys
from threading import Condition, Thread
from typing import Any, Optional, Tuple

from swiftnet_ros.demo.page import live_page
from swiftnet_ros.errors import InvalidValueError, PortUnavailableError
from swiftnet_ros.model_spec import ModelSpec
from swiftnet_ros.text import os_reason

DEFAULT_PORT = 8008
_HOST = '127.0.0.1'
_LAST_PORT = 65535
_STREAM, _STATUS = '/overlay', '/status'
_BOUNDARY = 'frame'
# A page of another host whose name resolves to this machine must not read the images.
_OWN_NAMES = (_HOST, 'localhost')


class LiveView:
    """Serves the newest overlay to browsers of this machine, until the end of the block."""

    def __init__(self, port: int, spec: ModelSpec) -> None:
        """Open a port, any free one for 0; raise PortUnavailableError if it is in use."""
        if not 0 <= port <= _LAST_PORT:
            raise InvalidValueError('--view', port, f'a port from 0 to {_LAST_PORT}')
        self._newest = _Newest()
        try:
            self._server = _Server((_HOST, port), self._newest, live_page(spec, _STREAM, _STATUS))
        except OSError as error:
            raise PortUnavailableError(port, os_reason(error), '--view') from error
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,))

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f'http://{_HOST}:{self._server.server_port}/'

    @property
    def is_watched(self) -> bool:
        """Return whether a browser shows the overlay, so that it is worth drawing."""
        return self._newest.watchers > 0

    def show(self, jpeg: bytes, status: str) -> None:
        """Replace the image and the text that browsers show."""
        self._newest.replace(jpeg, status)

    def __enter__(self) -> 'LiveView':
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End all streams and close the port."""
        self._newest.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Newest:
    """The newest image, for which the threads of several browsers wait."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._number = 0
        self._jpeg = b''
        self._is_closed = False
        self.status = 'Waiting for the first frame'
        self.watchers = 0

    def replace(self, jpeg: bytes, status: str) -> None:
        with self._changed:
            self._number += 1
            self._jpeg, self.status = jpeg, status
            self._changed.notify_all()

    def wait_after(self, number: int) -> Optional[Tuple[int, bytes]]:
        """Return the number and the JPEG of an image newer than `number`, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._number > number)
            return None if self._is_closed else (self._number, self._jpeg)

    def watch(self, change: int) -> None:
        """Count a browser that comes (1) or goes (-1)."""
        with self._changed:
            self.watchers += change

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    """The server; a thread for each connection, which does not keep the process from ending."""

    def __init__(self, address: Tuple[str, int], newest: _Newest, page: str) -> None:
        super().__init__(address, _Handler)
        self.newest = newest
        self.page = page

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore browsers that leave in the middle of a response."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Seconds after which a browser that takes nothing is given up.
    timeout = 10

    def do_GET(self) -> None:
        """Send the page, the stream of overlays or the status."""
        if self.headers.get('Host', '').partition(':')[0] not in _OWN_NAMES:
            self.send_error(403)
        elif self.path == '/':
            self._send('text/html; charset=utf-8', self.server.page)
        elif self.path == _STATUS:
            self._send('text/plain; charset=utf-8', self.server.newest.status)
        elif self.path == _STREAM:
            self._stream()
        else:
            self.send_error(404)

    def log_message(self, *arguments: Any) -> None:  # noqa: A003
        """Print no line for each request."""

    def _start(self, kind: str) -> None:
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Cache-Control', 'no-store')
        self.end_headers()

    def _send(self, kind: str, text: str) -> None:
        self._start(kind)
        self.wfile.write(text.encode())

    def _stream(self) -> None:
        """Send each new overlay as a part of a multipart response, an MJPEG stream."""
        newest = self.server.newest
        newest.watch(1)
        try:
            self._start(f'multipart/x-mixed-replace; boundary={_BOUNDARY}')
            self.wfile.write(f'--{_BOUNDARY}\r\n'.encode())
            image = newest.wait_after(0)
            while image is not None:
                number, jpeg = image
                head = f'Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n'
                # Browsers show a part when they have the boundary after it.
                self.wfile.write(head.encode() + jpeg + f'\r\n--{_BOUNDARY}\r\n'.encode())
                image = newest.wait_after(number)
        finally:
            newest.watch(-1)
