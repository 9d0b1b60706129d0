"""A page of another site, open in Chromium, against the edge: none decides, none reads.

    python tests/soak/foreign_pages.py [--browser chromium]

Starts the edge with and without `--virtual`, serves one page from another port and, by a name that
Chromium is told to resolve to this machine, from another host on the edge's own port (DNS
rebinding). The page tries every door that a page has; what it got is compared with what the edge
counted. Needs a Chromium and nothing of the network.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

import mlsys_lessons as mls
from mlsys_lessons.serving import serve

HERE = Path(__file__).resolve().parent
REBOUND = "rebound.example"  # a name of the attacker's, which leads to 127.0.0.1
PAYMENT = {
    "customer_id": 17, "account_opened": "2023-06-01",
    "card_country": "DE", "merchant_id": 5, "category": "grocery", "country": "DE",
    "channel": "chip", "amount": 12.0,
}  # fmt: skip
PAGE = (HERE / "foreign_page.html").read_text(encoding="utf-8")


class Attacker:
    """A little site of somebody else's: one page, and the place where it reports what it got."""

    def __init__(self) -> None:
        self.page, self.got, self.heard = "", {}, threading.Event()
        attacker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(attacker.page.encode())

            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers["content-length"]))
                attacker.got = json.loads(said)
                attacker.heard.set()
                self._answer(b"")

            def _answer(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def attacker() -> Iterator[Attacker]:
    """The foreign site, for as long as the context lasts."""
    site = Attacker()
    threading.Thread(target=site.server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()


def visited(
    browser: str, site: Attacker, edge: str, first_id: int, *, virtual: bool
) -> dict[str, str]:
    """What the page got when a browser opened it; `edge` is the address that it attacks."""
    payment = {**PAYMENT, "event_time": _now(virtual=virtual)}
    parts = {"EDGE": json.dumps(edge), "PAYMENT": json.dumps(payment), "FIRST_ID": str(first_id),
             "REPORT": site.url + "/report"}  # fmt: skip
    site.page, site.got = PAGE, {}
    for word, text in parts.items():
        site.page = site.page.replace(word, text)
    site.heard.clear()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={profile}", f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
            "--remote-debugging-port=0", site.url + "/",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not site.heard.wait(90):
                raise SystemExit(f"{browser} did not report within 90 s; does it start at all?")
        finally:
            process.kill()
            process.wait()
    return site.got


def opened(browser: str, url: str) -> str:
    """What a browser shows that was led to a URL: a page of a rebound name is of that origin."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1", "--dump-dom", url,
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return shown.stdout


def decided(edge: httpx.Client) -> float:
    """How many rows the edge has decided, by its own metrics."""
    lines = edge.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("requests_total"))


def attacked(browser: str, *, virtual: bool) -> bool:
    """Every attack against one edge, as a table; true when none decided and none read."""
    held = True
    with attacker() as site, serve(mls.resilient_system(seed=7), virtual=virtual) as url:
        port = httpx.URL(url).port
        with httpx.Client(base_url=url, trust_env=False) as edge:
            for name, target in {
                "another port": url,
                "another name of this machine": f"http://localhost:{port}",
                "a name that was rebound": f"http://{REBOUND}:{port}",
            }.items():
                before = decided(edge)
                got = visited(browser, site, target, 1_000_000, virtual=virtual)
                now = decided(edge)
                read = {what: said for what, said in got.items() if _was_read(said)}
                held &= now == before and not read and len(got) > 30
                print(f"virtual={virtual!s:5}  {name:30} {len(got)} attempts, decided "
                      f"{now - before:g}, read {read or 'nothing'}")  # fmt: skip
            for place in ("/metrics", "/openapi.json"):
                own, foreign = (
                    opened(browser, f"http://{host}:{port}{place}")
                    for host in ("127.0.0.1", REBOUND)
                )
                read = len(own) > 1_000 and own in foreign
                held &= len(own) > 1_000 and "is not this server" in foreign and not read
                print(f"virtual={virtual!s:5}  {place} under a rebound name: {len(own):,} "
                      f"characters for its owner, {'READ' if read else 'refused'}")  # fmt: skip
            body = {**PAYMENT, "request_id": 1, "event_time": _now(virtual=virtual)}
            good = edge.post("/v1/decisions", json=body)
            print(f"virtual={virtual!s:5}  a program afterwards: {good.status_code} "
                  f"{good.json().get('action', good.json())}")  # fmt: skip
            held &= good.status_code == 200
    return bool(held)


def _now(*, virtual: bool) -> str:
    """A time that the edge would take: a month ahead where requests move the clock."""
    return "2025-01-20T00:00:01Z" if virtual else datetime.now(UTC).isoformat()


def _was_read(said: str) -> bool:
    return said.startswith("READ") or said == "LOADED"


def main() -> int:
    """Returns 0 when every attack came to nothing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--browser", default="chromium")
    browser = parser.parse_args().browser
    if shutil.which(browser) is None:
        print(f"there is no {browser} here; name one with --browser", file=sys.stderr)
        return 2
    return 0 if all([attacked(browser, virtual=virtual) for virtual in (False, True)]) else 1


if __name__ == "__main__":
    sys.exit(main())
