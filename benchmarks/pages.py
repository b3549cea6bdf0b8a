"""What every page costs with 50,000 pictures, 20 classifiers and 10,000 open questions in SQLite.

    python benchmarks/pages.py
    python benchmarks/pages.py --pictures 5000 --reviews 1000 --rounds 10
    python benchmarks/pages.py --only pictures

The pages are those that the application declares, asked for as the owner through a real gunicorn
with one process, one request at a time and all of them in turn. Wall time is the server's own, from
the request to the beginning of its answer; other work on the machine adds to it, and less to the
CPU time of the request's thread. Statements are those that went to the database. What a browser
loads first is the page with its styles and scripts, as gzip makes them small. An answer is the
round trip of a question: what is said is sent, and the next card comes. `slow`, `chatty`, `heavy`
mark what misses: 150 ms (95 %), under 15 statements, 100 kB; an answer 100 ms.
"""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import common
import load
from hook import gunicorn
from pages_data import Size, build
from stage import Stage

from connector.embedded import EmbeddedRedis
from connector.web.ui.pages import Page
from connector.web.ui.views import PAGES

# The same page asked for otherwise, where that reads other things.
VARIANTS = {"pictures.show": ("?sort=unsure", "?least=50&most=60", "?q=photo-04999")}
MOST_MS, MOST_STATEMENTS, MOST_BYTES, MOST_ANSWER_MS = 150, 14, 100_000, 100
WARM = 2


@dataclass
class Cost:
    """What a page cost, request by request."""

    page: Page
    query: str = ""
    status: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    statements: int = 0
    raw: int = 0
    packed: int = 0

    @property
    def misses(self) -> str:
        """What it does not keep to, in words."""
        found = []
        if load.percentile(self.wall, 95) > MOST_MS:
            found.append("slow")
        if self.statements > MOST_STATEMENTS:
            found.append("chatty")
        if self.packed > MOST_BYTES:
            found.append("heavy")
        return " ".join(found)


class Browser:
    """Alice at her browser: one connection that stays, and her session's cookie."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self._headers = {"Cookie": f"colabel_session={token}", "Accept": "text/html"}
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[HTTPResponse, bytes]:
        """Ask for a page, or send a form as htmx does; of what is streamed the beginning alone."""
        headers = dict(self._headers)
        body = None
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
            body = urlencode(form)
        self._connection.request("GET" if form is None else "POST", path, body, headers)
        response = self._connection.getresponse()
        if response.headers.get("Transfer-Encoding") == "chunked":
            response.close()
            self._connection.close()
            return response, b""
        return response, response.read()


def shown() -> list[Page]:
    """Return every page, fragment and picture that the application declares."""
    return [
        page
        for pages in PAGES
        if not pages.anonymous
        for page in pages.pages
        if page.method == "GET"
    ]


def measure(browser: Browser, stage: Stage, pages: list[Page], rounds: int) -> list[Cost]:
    """Ask for all pages in turn, so often."""
    costs = [
        Cost(page, query) for page in pages for query in ("", *VARIANTS.get(page.endpoint, ()))
    ]
    for number in range(WARM + rounds):
        for cost in costs:
            response, body = browser.ask(stage.path(cost.page.rule) + cost.query)
            told = response.headers["X-Cost"].split()
            cost.status = response.status
            if number < WARM:
                continue
            cost.wall.append(float(told[0]))
            cost.cpu.append(float(told[1]))
            cost.statements = max(cost.statements, int(told[2]))
            if number == WARM and cost.page.title is not None:
                cost.raw, cost.packed = weigh(browser, body)
        print(f"\rround {number + 1} of {WARM + rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return costs


def weigh(browser: Browser, html: bytes) -> tuple[int, int]:
    """Return the bytes of a page with its styles and scripts: as they are, and packed."""
    text = html.decode()
    links = re.findall(r'<link rel="stylesheet" href="([^"]+)"', text)
    links += re.findall(r'<script src="([^"]+)"', text)
    files = [html, *(browser.ask(unescape(link))[1] for link in links)]
    return sum(map(len, files)), sum(len(gzip.compress(data, 6)) for data in files)


def answers(browser: Browser, rounds: int) -> tuple[list[float], list[float]]:
    """Answer questions as the page does.

    Return the milliseconds until the next card is there, and those of CPU time in the server.
    """
    _, body = browser.ask("/review")
    token = _found(r'name="csrf" value="(\w+)"', body.decode())
    _, body = browser.ask("/review/card")
    taken, busy = [], []
    for _ in range(rounds):
        text = body.decode()
        review = _found(r"/review/(rev_\w+)/answer", text)
        label = unescape(_found(r'name="label" value="([^"]+)"', text))
        began = time.perf_counter()
        response, _ = browser.ask(f"/review/{review}/answer", {"csrf": token, "label": label})
        if response.status != 200:
            raise SystemExit(f"An answer was not taken: {response.status}.")
        card, body = browser.ask("/review/card")
        taken.append(1000 * (time.perf_counter() - began))
        busy.append(sum(float(one.headers["X-Cost"].split()[1]) for one in (response, card)))
    return taken, busy


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"The page of questions holds nothing like {pattern}.")
    return match[1]


def main() -> None:
    """Make the workspace, serve it, look at everything, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=Size.pictures)
    parser.add_argument("--classifiers", type=int, default=Size.classifiers)
    parser.add_argument("--reviews", type=int, default=Size.reviews)
    parser.add_argument("--rounds", type=int, default=30, help="requests for each page")
    parser.add_argument("--only", default="", help="pages whose address holds this")
    parser.add_argument("--data", type=Path, help="where to make the data folder")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    size = Size(arguments.pictures, arguments.classifiers, arguments.reviews)
    pages = [page for page in shown() if arguments.only in page.rule]
    with tempfile.TemporaryDirectory(prefix="colabel-pages-", dir=arguments.data) as work:
        data_dir, began = Path(work) / "data", time.monotonic()
        stage = build(data_dir, size)
        print(f"{size.pictures:,} pictures, {size.classifiers} classifiers, {size.reviews:,} open")
        print(f"questions, made in {time.monotonic() - began:.0f} s\n")
        with (
            EmbeddedRedis(data_dir).running() as redis_url,
            gunicorn("pages_app:app", data_dir, redis_url, "--workers", "1") as port,
        ):
            browser = Browser(port, stage.people["Alice"].token)
            costs = measure(browser, stage, pages, arguments.rounds)
            taken, busy = answers(browser, arguments.rounds)
    report(costs, taken, busy)


def report(costs: list[Cost], taken: list[float], busy: list[float]) -> None:
    """Print the table, what took longest first, and what misses its aim."""
    costs.sort(key=lambda cost: -load.percentile(cost.wall, 95))
    rows = [
        (
            cost.page.rule + cost.query,
            cost.status,
            load.percentile(cost.wall, 50),
            load.percentile(cost.wall, 95),
            statistics.median(cost.cpu),
            cost.statements,
            f"{cost.packed / 1000:.0f} of {cost.raw / 1000:.0f}" if cost.raw else "",
            cost.misses,
        )
        for cost in costs
    ]
    header = ("", "status", "50 % ms", "95 % ms", "CPU ms", "statements", "kB packed", "misses")
    print(common.table(header, rows))
    slow = load.percentile(taken, 95)
    print(
        f"\nan answer, until the next question is there: 50 % {load.percentile(taken, 50):.0f} ms, "
        f"95 % {slow:.0f} ms, CPU {statistics.median(busy):.0f} ms"
        f"{' slow' if slow > MOST_ANSWER_MS else ''}"
    )
    missed = sum(bool(cost.misses) for cost in costs)
    print(f"{len(costs)} pages and parts of pages; {missed} miss an aim")


if __name__ == "__main__":
    main()
