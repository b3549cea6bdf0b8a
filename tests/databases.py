"""Empty migrated databases for tests, used again: copying one takes long, emptying it does not.

A database has another name each time that it is lent, so that what an earlier test left running
can't reach it.
"""

from __future__ import annotations

import psycopg
from postgres import Postgres

from connector.ids import new_token

TEMPLATE = "template_colabel"
# Nothing collects deleted rows here: a database is thrown away before they slow it down.
MOST_USES = 40

_EMPTY = """
DO $$
DECLARE name text;
BEGIN
  SET LOCAL session_replication_role = replica;  -- no order among tables that refer to each other
  FOR name IN
    SELECT quote_ident(relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
  LOOP
    EXECUTE 'DELETE FROM ' || name;
  END LOOP;
END $$"""

# A row of the catalogue that was touched has another xmin.
_SHAPE = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
  SELECT concat_ws(' ', 'class', oid, xmin) AS line FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'column', attrelid, attnum, xmin) FROM pg_attribute
    WHERE attrelid >= 16384
  UNION ALL SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef
  UNION ALL SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint
  UNION ALL SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger
  UNION ALL SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'revision', version_num) FROM alembic_version
) AS lines"""


class Databases:
    """Databases of one server that are copies of its template."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._idle: list[str] = []
        self._uses: dict[str, int] = {}
        self._shape = self._ask(TEMPLATE, _SHAPE)

    def lend(self) -> str:
        """Return the name of an empty migrated database that nobody else knows."""
        name = f"t_{new_token(12)}"
        if self._idle:
            self._rename(self._idle.pop(), name)
        else:
            self._server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            self._uses[name] = 0
        self._uses[name] += 1
        return name

    def take_back(self, name: str) -> None:
        """Throw everybody out, and keep the database if it can be as it was."""
        if self._uses[name] < MOST_USES and (hidden := self._hidden(name)):
            name = hidden
            if self._ask(name, _SHAPE) == self._shape:
                with psycopg.connect(self._server.dsn(name), autocommit=True) as connection:
                    connection.execute(_EMPTY)
                self._idle.append(name)
                return
        self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        del self._uses[name]

    def _hidden(self, name: str) -> str | None:
        """Where nobody finds it again; None if somebody would not let go of it."""
        self._server.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        try:
            return self._rename(name, f"idle_{new_token(12)}")
        except psycopg.errors.ObjectInUse:
            return None

    def _rename(self, before: str, after: str) -> str:
        self._server.execute(f"ALTER DATABASE {before} RENAME TO {after}")
        self._uses[after] = self._uses.pop(before)
        return after

    def _ask(self, name: str, query: str) -> object:
        with psycopg.connect(self._server.dsn(name)) as connection:
            return connection.execute(query).fetchone()
