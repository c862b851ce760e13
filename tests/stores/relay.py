"""A way to a server on this machine that counts what passes."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Relay:
    """A port that leads to a server.

    Args:
        connect: Returns a new connection to the server.

    Attributes:
        there: Bytes that were sent to the server.
        back: Bytes that came back.
        turns: How often the server was sent something after it had answered: round trips.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.reset()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def reset(self) -> None:
        self.there = self.back = self.turns = 0
        self._has_answered = True

    def close(self) -> None:
        """Accept nothing more, and wait for the connections to be closed."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, self._connect() as server:
            back = threading.Thread(target=self._forward, args=(server, client, False))
            back.start()
            self._forward(client, server, True)
            back.join()

    def _forward(self, source: socket.socket, target: socket.socket, is_there: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_there:
                    self.there += len(data)
                    self.turns += self._has_answered
                else:
                    self.back += len(data)
                self._has_answered = not is_there
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
