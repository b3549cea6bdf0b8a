"""How a worker waits for Redis: on a connection that notices when its other end is gone."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from connector.jobs import connect_to_wait


def test_a_wait_ends_within_seconds_when_the_host_vanishes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with closing(connect_to_wait(f"redis://127.0.0.1:{port}/0")) as client:
            connection = client.connection_pool.make_connection()
            ours = connection._connect()
            with closing(ours):
                asked = {
                    name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
                }
                assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert asked["TCP_KEEPIDLE"] + asked["TCP_KEEPINTVL"] * asked["TCP_KEEPCNT"] <= 15


@pytest.mark.parametrize("url", ["unix:///tmp/there-is-none.sock", "redis://127.0.0.1:1/0"])
def test_the_wait_for_a_job_itself_has_no_end(url: str) -> None:
    with closing(connect_to_wait(url)) as client:
        assert client.connection_pool.connection_kwargs.get("socket_timeout") is None
