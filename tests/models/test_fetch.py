import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest

from models import fetch
from models.errors import WeightsMissing

CONTENT = bytes(range(256)) * 9000
PROMISED = hashlib.sha256(CONTENT).hexdigest()[:8]


class Shelf(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if "short" in self.path else CONTENT)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture(scope="module")
def shelf() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_arrives_whole_with_progress(shelf: str, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = fetch.fetch(
        f"{shelf}/net-{PROMISED}.pth",
        tmp_path / "new" / "folder",
        progress=lambda *step: steps.append(step),
    )
    assert path == tmp_path / "new" / "folder" / f"net-{PROMISED}.pth"
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("net-00000000.pth", "not the one"),
        ("missing.pth", "status 404"),
        (f"short-{PROMISED}.pth", "could not be downloaded"),
    ],
)
def test_anything_else_leaves_nothing_behind(
    shelf: str, tmp_path: Path, name: str, why: str
) -> None:
    with pytest.raises(WeightsMissing, match=why):
        fetch.fetch(f"{shelf}/{name}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listening_is_told_at_once(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(WeightsMissing, match="no connection"):
        fetch.fetch(f"http://127.0.0.1:{port}/net.pth", tmp_path)


def test_a_silent_server_is_given_up_in_time(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        with pytest.raises(WeightsMissing, match="no answer within"):
            fetch.fetch(
                f"http://127.0.0.1:{server.getsockname()[1]}/net.pth",
                tmp_path,
                connect_seconds=0.3,
            )
        assert time.monotonic() - start < 2


def test_a_download_has_a_deadline(shelf: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="took too long"):
        fetch.fetch(f"{shelf}/net-{PROMISED}.pth", tmp_path, total_seconds=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("net-1a2b3c4d.pth", "1a2b3c4d"),
        ("net.pth", ""),
        ("net-large.pth", ""),
        ("a-b-0123456789ab.pth", "0123456789ab"),
    ],
)
def test_what_a_name_promises(name: str, start: str) -> None:
    assert fetch.expected_hash(name) == start
