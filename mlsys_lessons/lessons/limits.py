"""A limit of time on what a learner wrote: a loop that never ends becomes a sentence.

The limit interrupts the main thread as Ctrl-C does, on every system; a learner's own Ctrl-C is
passed on. What was running may be anything, so nothing here knows what it was.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_S = 300.0  # the longest of our own answers takes a minute on a busy machine


class TooLong(Exception):
    """The answer was stopped at the limit."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Run the block; raises TooLong when it has not ended in time.

    Elsewhere than in the main thread there is nobody to interrupt, and no limit.

    >>> with at_most(5.0):
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        with _interruptible():
            yield
    except KeyboardInterrupt:
        if stopped.is_set():
            raise TooLong from None
        raise
    finally:
        timer.cancel()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Hear Ctrl-C: what a shell has sent to the background ignores it, and with it the limit."""
    usual = signal.getsignal(signal.SIGINT)
    if usual not in (signal.SIG_IGN, signal.SIG_DFL):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
