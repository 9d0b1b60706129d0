"""Starting and stopping an edge: a real server on loopback, for as long as a `with` block.

    with serve(warmed(world, system)) as url:
        Client(url).decide([{...}])

The server runs in a thread of this process. When the block ends, however it ends, the port is
closed, the thread is gone, and the log is free for another process. The endpoints are in app.py.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from pathlib import Path

from mlsys_lessons.errors import StateError
from mlsys_lessons.records import whole_number
from mlsys_lessons.serving.app import application
from mlsys_lessons.serving.batcher import Batcher
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.metrics import Metrics
from mlsys_lessons.serving.settings import EdgeSettings
from mlsys_lessons.system.system import System

HOST = "127.0.0.1"
BACKLOG = 4_096  # callers who wait to be let in; a caller beyond them knocks again after a second
ACCEPTED = 16  # let in at one go: a flood may not take all file handles before we look


@contextmanager
def serve(
    system: System, log: str | Path | None = None, *, virtual: bool = False, port: int = 0,
    settings: EdgeSettings | None = None,
) -> Iterator[str]:  # fmt: skip
    """Serve a copy of a system over HTTP; yields the address once its log has been replayed.

    `log` is the path of the decision log; one that exists is replayed and continued, and without a
    path the decisions are kept in memory. With `virtual` the requests' own arrival times are the
    clock. Port 0 takes any free port. Raises InputError for a system that cannot be served or a log
    of another system, StateError for a port or a log in use, StorageError for a file that is no
    log.

    >>> import mlsys_lessons as mls
    >>> from mlsys_lessons.serving import Client
    >>> with serve(mls.naive_system(seed=7)) as url, Client(url) as client:
    ...     client.ready()
    True
    """
    settings = settings or EdgeSettings()
    decider = Decider(
        system, Path(log) if log else None, virtual=virtual,
        power_loss_safe=settings.power_loss_safe,
    )  # fmt: skip
    batcher = Batcher(decider, settings, Metrics())
    with _listener(port) as listener, _running(batcher, listener), _rare_collections():
        yield f"http://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def _running(batcher: Batcher, listener: socket.socket) -> Iterator[None]:
    """Uvicorn in a thread of its own; the block begins when the log has been replayed."""
    import uvicorn

    from mlsys_lessons.serving.door import visits

    config = uvicorn.Config(
        application(batcher), http=visits(), backlog=ACCEPTED, log_config=None,
        log_level="error", access_log=False, lifespan="on",
        server_header=False, date_header=False, proxy_headers=False,
        timeout_graceful_shutdown=int(batcher.settings.time_limit_s) + 1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="edge", daemon=True)
    thread.start()
    try:
        _wait_until_ready(batcher, thread)
        listener.listen(BACKLOG)  # again: asyncio has cut the queue to what it lets in at one go
        yield
    finally:
        batcher.decider.stopping = server.should_exit = True
        thread.join()


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Exempt existing objects from garbage collection: walking them would make callers wait."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)  # often enough to end what a flood has left behind
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def until_told_to_stop() -> Iterator[None]:
    """Run the block, then wait for Ctrl-C or SIGTERM; a signal during the block ends the wait."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
        while not stop.wait(timeout=0.5):  # on Windows a wait without a timeout blocks signals
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listener(port: int) -> socket.socket:
    """A listening socket on loopback; a connection that comes before the server is ready waits."""
    whole_number("port", port, 0, 65_535)
    # with its protocol: asyncio turns Nagle's delay off only on sockets that are named as TCP
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StateError(f"port {port} cannot be had ({error.strerror}); try 0.") from None
    return listener


def _wait_until_ready(batcher: Batcher, thread: threading.Thread) -> None:
    """Wait until the log has been replayed; raises the error that prevented it."""
    while thread.is_alive():
        try:
            return batcher.replay.result(timeout=0.2)
        except FutureTimeout:
            continue
    raise StateError("the server stopped before it was ready; its messages say why.")
