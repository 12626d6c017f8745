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

"""The live view of the demo: what it serves, to whom, and that it ends."""

from contextlib import closing
from http.client import HTTPConnection
import socket
from time import monotonic, sleep
from urllib.parse import urlsplit

from helpers.tiny_model import make_spec
import pytest
from swiftnet_ros.demo.live_view import LiveView
from swiftnet_ros.errors import InvalidValueError, PortUnavailableError

SPEC = make_spec()
TIMEOUT = 5


def until(is_true):
    """Wait until a condition is true."""
    end = monotonic() + TIMEOUT
    while not is_true():
        assert monotonic() < end
        sleep(0.01)


@pytest.fixture
def view():
    with LiveView(0, SPEC) as opened:
        yield opened


def port_of(view):
    return urlsplit(view.url).port


def opened_response(view, path, host='127.0.0.1', **headers):
    """Return the response for a path, and its connection."""
    connection = HTTPConnection(host, port_of(view), timeout=TIMEOUT)
    connection.request('GET', path, headers=headers)
    return connection, connection.getresponse()


def get(view, path, **headers):
    """Return the status, the content type and the content of a path."""
    connection, response = opened_response(view, path, **headers)
    with closing(connection):
        return response.status, response.headers['Content-Type'], response.read()


def next_image(response):
    """Return the next image of a multipart stream."""
    assert response.readline() == b'Content-Type: image/jpeg\r\n'
    length = int(response.readline().partition(b':')[2])
    assert response.readline() == b'\r\n'
    content = response.read(length)
    assert response.readline() == b'\r\n' and response.readline() == b'--frame\r\n'
    return content


def test_the_page_shows_stream_status_and_legend(view):
    status, kind, content = get(view, '/')
    assert (status, kind) == (200, 'text/html; charset=utf-8')
    text = content.decode()
    assert '<img src="/overlay"' in text and "fetch('/status')" in text
    assert 'class 4</th>' in text and 'background:#040203' in text


def test_the_stream_has_each_new_overlay(view):
    connection, response = opened_response(view, '/overlay')
    with closing(connection):
        assert response.headers['Content-Type'] == 'multipart/x-mixed-replace; boundary=frame'
        assert response.readline() == b'--frame\r\n'
        assert view.is_watched
        view.show(b'first', 'Frame 1')
        assert next_image(response) == b'first'
        view.show(b'second', 'Frame 2')
        assert next_image(response) == b'second'
        assert get(view, '/status')[2] == b'Frame 2'


def test_two_browsers_see_the_same_frame(view):
    view.show(b'shown', 'Frame 1')
    for _ in range(2):
        connection, response = opened_response(view, '/overlay')
        with closing(connection):
            response.readline()
            assert next_image(response) == b'shown'


def test_nothing_is_drawn_after_the_browser_has_left(view, capfd):
    assert not view.is_watched
    connection, response = opened_response(view, '/overlay')
    until(lambda: view.is_watched)
    response.close()
    connection.close()

    def has_left():
        view.show(b'x' * 100_000, 'Frame')
        return not view.is_watched

    until(has_left)
    assert capfd.readouterr().err == ''


def test_other_paths_and_other_hosts_are_refused(view):
    assert get(view, '/etc/passwd')[0] == 404
    assert get(view, '/', Host='attacker.example:80')[0] == 403
    assert get(view, '/', Host=f'localhost:{port_of(view)}')[0] == 200


def test_only_the_loopback_address_listens(view):
    """Every 127.x.y.z reaches this machine; the port is open on 127.0.0.1 alone."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.2', port_of(view)), TIMEOUT)


def test_the_end_closes_streams_and_port():
    with LiveView(0, SPEC) as view:
        port = port_of(view)
        connection, response = opened_response(view, '/overlay')
        assert response.readline() == b'--frame\r\n'
    with closing(connection):
        assert response.read() == b''
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', port), TIMEOUT)


def test_a_busy_port_is_named(view):
    with pytest.raises(
        PortUnavailableError, match=f'port {port_of(view)}: Address already in use'
    ):
        LiveView(port_of(view), SPEC)


def test_a_port_that_does_not_exist_is_refused():
    with pytest.raises(
        InvalidValueError, match='--view is 70000, expected a port from 0 to 65535'
    ):
        LiveView(70000, SPEC)
