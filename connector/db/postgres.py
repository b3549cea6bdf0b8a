"""PostgreSQL on another host: it may vanish without a word, and so may we."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

CONNECT_SECONDS = 5
# Longer than any transaction of ours has nothing to say, but for that of connector.db.exclusive.
IDLE_SECONDS = 30
_SILENCE_MS = 10_000
# Read by libpq, for our end of the connection: without these a wait for a host that vanished ends
# after many minutes.
_OUR_END = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": _SILENCE_MS,
}
# Said to the server, for its end: the locks that a vanished host of ours held are free soon.
_ITS_END = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": _SILENCE_MS,
    "idle_in_transaction_session_timeout": IDLE_SECONDS * 1000,
}


def make_engine(url: URL, *, patience: float) -> Engine:
    """Return an engine that waits `patience` seconds for a lock, or for a connection of its pool.

    What the URL says about libpq's settings stands.
    """
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _OUR_END.items() if name not in url.query},
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=16,
        pool_timeout=patience,
    )
    said = {**_ITS_END, "lock_timeout": round(patience * 1000)}

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # As statements and not as libpq's `options`, which connection poolers refuse.
        for name, value in said.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, str(value)))
        connection.commit()

    return engine
