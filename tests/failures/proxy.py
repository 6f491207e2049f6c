"""Something between a client and its server that can lose what they say to each other."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path


class Proxy:
    """Listens on the unix socket ``path`` and passes everything on to that of ``server``.

    ``connections`` counts those that were made. A server that is away is one that closes each
    connection at once.
    """

    def __init__(self, path: Path, server: Path) -> None:
        self.path = path
        self.server = server
        self.connections = 0
        self._lost_request: bytes | None = None
        self._lost_reply: tuple[bytes, Callable[[], None]] | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: list[socket.socket] = []

    def __enter__(self) -> Proxy:
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            _close(one)

    @property
    def url(self) -> str:
        """The proxy's URL, for LOCATION of a cache."""
        return f"unix://{self.path}?db=0"

    def lose_request(self, text: bytes) -> None:
        """Close the connection on which ``text`` is next said, and do not pass it on."""
        self._lost_request = text

    def lose_reply(self, text: bytes, then: Callable[[], None] = lambda: None) -> None:
        """Pass ``text`` on when it is next said; when the server replies, do ``then`` and close the
        connection instead of passing the reply on."""
        self._lost_reply = (text, then)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the end of the test
            self.connections += 1
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.server))
            except OSError:
                _close(client)
                continue
            self._open += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        then: Callable[[], None] | None = None
        try:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if source is server:
                        if then is not None:
                            then()
                            return
                        client.sendall(data)
                        continue
                    if self._lost_request is not None and self._lost_request in data:
                        self._lost_request = None
                        return
                    if self._lost_reply is not None and self._lost_reply[0] in data:
                        then, self._lost_reply = self._lost_reply[1], None
                    server.sendall(data)
        except (OSError, ValueError):
            return  # closed by the end of the test
        finally:
            _close(client)
            _close(server)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was first
        one.shutdown(socket.SHUT_RDWR)
    one.close()
