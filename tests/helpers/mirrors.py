"""Servers on this machine that give a file, whole or in part, and remember what they were asked for."""

import hashlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vln.downloads import CHUNK

NAME = "numbers.gz"
CONTENT = bytes(number * number % 251 for number in range(3 * CHUNK))
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
HALF = CHUNK + 100  # where servers stop in these tests
PART = f"{NAME}.part"

Answer = Callable[["Request", bytes], None]


class Request(BaseHTTPRequestHandler):
    """What a mirror was asked, and how it answers: as the function says that the server was given."""

    mirror: "Mirror"

    def do_GET(self) -> None:
        self.mirror.asked.append(self.headers["Range"])
        self.mirror.answer(self, self.mirror.content)

    def begin(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(length)} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, content: bytes) -> None:
        self.mirror.sent += len(content)  # counted first: a test may ask as soon as the last byte is out
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def obliging(request: Request, content: bytes) -> None:
    """From where it is asked to begin."""
    if (asked := request.headers["Range"]) is None:
        return whole(request, content)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    if start >= len(content):
        return request.begin(416, 0)
    request.begin(206, len(content) - start, Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")
    return request.send(content[start:])


def whole(request: Request, content: bytes) -> None:
    """All of it, whatever part is asked for."""
    request.begin(200, len(content))
    request.send(content)


def half(request: Request, content: bytes) -> None:
    """The beginning, although all of it is announced."""
    request.begin(200, len(content))
    request.send(content[:HALF])


def half_then_silent(request: Request, content: bytes) -> None:
    half(request, content)
    request.mirror.closing.wait()


def missing(request: Request, content: bytes) -> None:
    request.send_error(404)


@dataclass
class Mirror:
    """A server on this machine, what it was asked for and how many bytes it gave."""

    answer: Answer = obliging
    content: bytes = CONTENT
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def __enter__(self) -> "Mirror":
        handler = type("Handler", (Request,), {"mirror": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


Open = Callable[..., Mirror]
Offer = Callable[[dict[str, tuple[str, ...]], list[str]], None]


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"
