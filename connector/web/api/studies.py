"""Studies: rehearsals on past pictures, what to label next, look-alikes, versions compared."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.db.types import Json
from connector.domain import promises, rules, versions
from connector.domain import studies as domain
from connector.web.answers import wait_for
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.studies import (
    ComparisonCreate,
    RehearsalCreate,
    Study,
    StudyPage,
    StudyQuery,
    StudyWait,
    SuggestionCreate,
)
from connector.web.services import services

studies = Api("studies", __name__, tag="Studies")
QUEUED = {202: Answer("Queued; GET it, with ?wait= if you like", Study)}


@studies.operation(
    "POST",
    f"{CLASSIFIER}/rehearsals",
    "Rehearse on past pictures",
    scope="read",
    model=RehearsalCreate,
    answers=QUEUED,
    errors=(409, 422),
)
def rehearse(classifier_id: str) -> ResponseReturnValue:
    """What would this version, promise, threshold or these rules have done with the pictures of
    the last days? Nothing is done to any of them. The result counts outcomes before and after, and
    lists each picture that would have gone elsewhere.
    """
    wanted = read_json(RehearsalCreate)
    params: Json = wanted.model_dump(exclude={"promise", "rules"})
    if wanted.promise is not None:
        params["promise"] = promises.check(wanted.promise.model_dump(exclude_none=True))
    # Before the transaction, since names are looked up.
    checked = [
        (rule, rules.check_actions(services().settings, rule.model_dump()["actions"]))
        for rule in wanted.rules or ()
    ]
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        if wanted.version is not None:
            versions.version(session, classifier, wanted.version)
        if wanted.rules is not None:
            params["rules"] = [
                {
                    "when": rules.checked_when(session, classifier, rule.label, rule.when),
                    "actions": rules.resolve_actions(session, classifier, actions),
                }
                for rule, actions in checked
            ]
        row = domain.request(session, classifier, domain.REHEARSAL, params)
        shown = domain.resource(row, public_url())
    return shown, 202, {"Location": shown["url"]}


@studies.operation(
    "POST",
    f"{CLASSIFIER}/suggestions",
    "Ask what to label next",
    scope="read",
    model=SuggestionCreate,
    answers=QUEUED,
)
def suggest(classifier_id: str) -> ResponseReturnValue:
    """Either the pictures whose labels would teach most, with a reason for each, or groups of
    look-alikes among the pictures without a label: each may be one label, or a new one.
    """
    wanted = read_json(SuggestionCreate)
    return _request(classifier_id, wanted.kind, {"count": wanted.count})


@studies.operation(
    "POST",
    f"{CLASSIFIER}/comparisons",
    "Compare two versions",
    scope="read",
    model=ComparisonCreate,
    answers=QUEUED,
    errors=(404, 422),
)
def compare(classifier_id: str) -> ResponseReturnValue:
    """On the held-out pictures that neither learned from: newly right, newly wrong, per label."""
    wanted = read_json(ComparisonCreate)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        for number in wanted.versions:
            versions.version(session, classifier, number)
    return _request(classifier_id, domain.COMPARISON, {"versions": list(wanted.versions)})


@studies.operation(
    "GET",
    f"{CLASSIFIER}/studies",
    "List studies",
    scope="read",
    query=StudyQuery,
    answers={200: Answer("One page, newest first", StudyPage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """Rehearsals, suggestions and comparisons, with their results."""
    query = read_query(StudyQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_studies(session, classifier, **query.model_dump())
        shown = [domain.resource(row, public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@studies.operation(
    "GET",
    f"{CLASSIFIER}/studies/<study_id>",
    "Show a study",
    scope="read",
    query=StudyWait,
    answers={200: Answer("Its progress, and its result when it is done", Study)},
)
def show(classifier_id: str, study_id: str) -> ResponseReturnValue:
    """With ?wait= the answer comes as soon as it is there, or after that many seconds."""
    query = read_query(StudyWait)
    database = services().database
    with database.read() as session:
        domain.get(session, own_classifier(session, classifier_id), study_id)

    def finished() -> bool:
        with database.read() as session:
            return domain.status(session, study_id) in ("done", "failed")

    if query.wait:
        wait_for(finished, query.wait)
    with database.read() as session:
        row = domain.get(session, own_classifier(session, classifier_id), study_id)
        return domain.resource(row, public_url())


def _request(classifier_id: str, kind: str, params: Json) -> ResponseReturnValue:
    with services().database.write() as session:
        row = domain.request(session, own_classifier(session, classifier_id), kind, params)
        shown = domain.resource(row, public_url())
    return shown, 202, {"Location": shown["url"]}
