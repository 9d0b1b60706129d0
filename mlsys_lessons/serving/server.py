"""A real server around a system: on loopback, in a thread of its own, for as long as a `with`.

    with serve(warmed(world, system)) as url:
        Client(url).decide([{...}])

When the block ends, however it ends, the port is closed, the thread is gone and the log is given
back. What an address answers is told in app.py.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path

from mlsys_lessons.records import StateError, whole_number
from mlsys_lessons.serving.app import application
from mlsys_lessons.serving.batcher import Gate
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.metrics import Meters
from mlsys_lessons.serving.settings import EdgeSettings
from mlsys_lessons.system.system import System

HOST, BACKLOG = "127.0.0.1", 1_024


@contextmanager
def serve(
    system: System, log: str | Path | None = None, *, virtual: bool = False, port: int = 0,
    settings: EdgeSettings | None = None,
) -> Iterator[str]:  # fmt: skip
    """Serve a copy of a system over HTTP; yields the address once its log has been replayed.

    `log` names the decision log, which is gone on with if it is there; without one the decisions
    are kept in memory. With `virtual` the requests' own arrival times are the clock. Port 0 takes
    any that is free. Raises InputError, StateError or StorageError, in one sentence, for a system
    that cannot be served, a port that is taken, or a log that is not this system's.

    >>> import mlsys_lessons as mls
    >>> from mlsys_lessons.serving import Client
    >>> with serve(mls.naive_system(seed=7)) as url, Client(url) as client:
    ...     client.ready()
    True
    """
    import uvicorn

    settings = settings or EdgeSettings()
    decider = Decider(
        system, Path(log) if log else None, virtual=virtual,
        power_loss_safe=settings.power_loss_safe,
    )  # fmt: skip
    gate = Gate(decider, settings, Meters())
    door = _listening(port)
    config = uvicorn.Config(
        application(gate), log_config=None, log_level="error", access_log=False, lifespan="on",
        server_header=False, date_header=False, proxy_headers=False,
        timeout_graceful_shutdown=int(settings.time_limit_s) + 1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([door],), name="edge", daemon=True)
    thread.start()
    try:
        _wait(gate, thread)
        with _rare_collections():
            yield f"http://{HOST}:{door.getsockname()[1]}"
    finally:
        decider.stopping = server.should_exit = True
        thread.join()
        door.close()


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Set aside what exists: the garbage collector would look through it while callers wait."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def until_told_to_stop() -> Iterator[None]:
    """Do the block, then wait for Ctrl-C or SIGTERM; either ends the wait, and nothing else."""
    told = threading.Event()
    before = {
        each: signal.signal(each, lambda *_: told.set()) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
        while not told.wait(timeout=0.5):  # a wait without end hears no signal on Windows
            pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _listening(port: int) -> socket.socket:
    whole_number("port", port, 0, 65_535)
    # by its full name: asyncio sends small answers at once only on sockets that say TCP
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((HOST, port))
        door.listen(BACKLOG)  # from here on, who comes too early waits
    except OSError as error:
        door.close()
        raise StateError(f"port {port} cannot be had ({error.strerror}); try 0.") from None
    return door


def _wait(gate: Gate, thread: threading.Thread) -> None:
    """Until the log is replayed; raises what stood in the way."""
    while thread.is_alive():
        try:
            return gate.settled.result(timeout=0.2)
        except NotYet:
            continue
    raise StateError("the server stopped before it was ready; its messages say why.")
