"""`colabel rehearse` and `colabel suggest`: questions that a worker answers from embeddings."""

from __future__ import annotations

from typing import Any

import click

from connector.commands.common import (
    Service,
    data_option,
    open_service,
    work_until,
    workspace_option,
)
from connector.commands.promise import promise_options, wanted_promise
from connector.commands.show import Bar, table
from connector.db.tables import Study
from connector.db.types import Json
from connector.domain import classifiers, promises, studies, versions
from connector.errors import ColabelError

SHOWN = 20


def answered(
    service: Service, workspace: str | None, classifier: str, kind: str, params: Json
) -> Json:
    """Ask for a study, wait for it, and return its result. Raises ColabelError when it failed."""
    with service.database.write() as session:
        row = classifiers.find_classifier(session, service.workspace_id(workspace), classifier)
        numbers = [params.get("version"), *params.get("versions", ())]
        for number in filter(None, numbers):
            versions.version(session, row, number)
        study_id = studies.request(session, row, kind, params).id
    with Bar() as bar:

        def finished() -> bool:
            found = _read(service, study_id)
            bar.update("looking", found.done, found.total, f"{found.done} of {found.total}")
            return found.status in ("done", "failed")

        work_until(service, "train", finished, lambda: _read(service, study_id).status == "running")
    found = _read(service, study_id)
    if found.error_code is not None:
        raise ColabelError(found.error or "", code=found.error_code)
    return found.result or {}


def _read(service: Service, study_id: str) -> Study:
    with service.database.read() as session:
        return session.get_one(Study, study_id)


@click.command()
@click.argument("classifier")
@click.option("--version", "number", type=int, help="With this version (default: the live one).")
@click.option("--threshold", type=float, help="Ask below this confidence.")
@promise_options
@click.option("--days", type=float, default=30.0, show_default=True, help="How far back.")
@workspace_option
@data_option
def rehearse(
    classifier: str,
    number: int | None,
    threshold: float | None,
    days: float,
    workspace: str | None,
    **given: Any,
) -> None:
    """Say what a version, promise or threshold would have done with CLASSIFIER's past pictures."""
    params: Json = {"version": number, "threshold": threshold, "days": days}
    if (wanted := wanted_promise(given)) is not None:
        params["promise"] = promises.check(wanted)
    with open_service() as service:
        found = answered(service, workspace, classifier, studies.REHEARSAL, params)
    click.echo(
        f"{found['pictures']} pictures of the last {days:g} days, version {found['version']}:"
    )
    outcomes = list(dict.fromkeys([*found["before"], *found["after"]]))
    rows = [(name, found["before"].get(name, 0), found["after"].get(name, 0)) for name in outcomes]
    click.echo(f"\n{table(('outcome', 'was', 'would be'), rows)}")
    if found["checked_by_people"]:
        click.echo(
            f"\nOf {found['checked_by_people']} pictures that people decided, automatic answers "
            f"were wrong {found['wrong_before']} times and would be {found['wrong_after']} times."
        )
    if found["differ_count"]:
        click.echo(f"\n{found['differ_count']} pictures would have gone elsewhere:")
        rows = [(one["name"], one["before"], one["after"]) for one in found["differ"][:SHOWN]]
        click.echo(table(("picture", "was", "would be"), rows))


@click.command()
@click.argument("classifier")
@click.option("--groups", is_flag=True, help="Groups of look-alikes instead of single pictures.")
@click.option("--count", type=int, default=20, show_default=True)
@workspace_option
@data_option
def suggest(classifier: str, groups: bool, count: int, workspace: str | None) -> None:
    """Say which pictures of CLASSIFIER to label next, and why."""
    kind = studies.GROUPS if groups else studies.LABEL_NEXT
    with open_service() as service:
        found = answered(service, workspace, classifier, kind, {"count": count})
    click.echo(found["sentence"])
    if groups:
        rows = [
            (one["size"], ", ".join(p["name"] for p in one["pictures"][:3]))
            for one in found["groups"]
        ]
        click.echo(table(("pictures", "such as"), rows))
    else:
        rows = [(one["name"], one["reason"]) for one in found["pictures"]]
        click.echo(table(("picture", "why"), rows))
