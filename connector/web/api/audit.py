"""The audit log: read, and nothing else."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import audit_log
from connector.web.api.common import PREFIX, listed
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_query
from connector.web.schemas.audit import AuditPage, AuditQuery
from connector.web.services import services

audit = Api("audit", __name__, tag="Account")


@audit.operation(
    "GET",
    f"{PREFIX}/audit",
    "List who did what",
    scope="admin",
    query=AuditQuery,
    answers={200: Answer("One page, newest first", AuditPage)},
)
def list_all() -> ResponseReturnValue:
    """Every change in this workspace, by keys, people, the command line and the service itself."""
    query = read_query(AuditQuery)
    with services().database.read() as session:
        page = audit_log.list_entries(session, workspace_id(), **query.model_dump())
        shown = [audit_log.resource(row) for row in page.items]
    return listed(shown, page.next_cursor)
