"""New pages go to the hook; models answer, a person helps out, actions follow."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.demo.client import Api, Json, follow
from connector.demo.pages import Page
from connector.demo.screen import Step
from connector.demo.training import Pair

PATIENCE_SECONDS = 90.0
OPEN = ("planned",)


@dataclass
class Case:
    """One page on its way: its two predictions as the API last showed them."""

    page: Page
    way_up: Json
    kind: Json | None = None

    @property
    def predictions(self) -> list[Json]:
        """Those that there are by now."""
        return [self.way_up] if self.kind is None else [self.way_up, self.kind]

    def actions(self, kind: str) -> list[Json]:
        """Return what was done with the page, of one kind of action."""
        return [
            action
            for prediction in self.predictions
            for action in prediction["actions"]
            if action["kind"] == kind
        ]

    @property
    def failed(self) -> str | None:
        """Why it came to nothing, or None."""
        for prediction in self.predictions:
            parts = [prediction, *prediction["actions"]]
            for part in parts:
                if part["status"] == "failed":
                    return f"{self.page.name}: {part['error']['detail']}"
        return None

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        if self.failed:
            return True
        answered = all(prediction["status"] == "done" for prediction in self.predictions)
        acted = all(a["status"] != "planned" for p in self.predictions for a in p["actions"])
        return self.kind is not None and answered and acted


@dataclass
class Questions:
    """What was asked: file name, what the model thought, what the person said."""

    answered: list[tuple[str, str, str]] = field(default_factory=list)


def send(api: Api, pair: Pair, pages: list[Page], step: Step) -> list[Case]:
    """Send the pages to the hook of the first classifier."""
    cases = []
    for done, page in enumerate(pages, 1):
        hook = pair.way_up["hook_url"]
        cases.append(Case(page, api.send_to_hook(hook, page.name, page.data, f"demo {page.name}")))
        step.progress(done, len(pages))
    step.result = f"{len(pages)} pages accepted"
    return cases


def wait(api: Api, pair: Pair, cases: list[Case], questions: Questions, step: Step) -> None:
    """Wait until every page is where it belongs; answer what the models ask."""

    def look() -> tuple[bool, object]:
        refresh(api, pair, cases)
        for case in cases:
            answer(api, case, questions)
        settled = sum(case.settled for case in cases)
        step.progress(settled, len(cases), f"{len(questions.answered)} asked")
        statuses = [
            (prediction["status"], [action["status"] for action in prediction["actions"]])
            for case in cases
            for prediction in case.predictions
        ]
        return settled == len(cases), statuses

    follow(look, PATIENCE_SECONDS, "The sorting")
    asked = len(questions.answered)
    step.result = f"all done, a person was asked {asked} time{'' if asked == 1 else 's'}"


def refresh(api: Api, pair: Pair, cases: list[Case]) -> None:
    """Read the predictions that have not come to an end."""
    unsettled = [case for case in cases if not case.settled]
    found = _latest(api, pair.way_up, {case.way_up["id"] for case in unsettled})
    for case in unsettled:
        case.way_up = found[case.way_up["id"]]
    following = {
        action["detail"]["prediction_id"]: case
        for case in unsettled
        for action in case.actions("classify")
        if action["status"] == "done"
    }
    for prediction_id, prediction in _latest(api, pair.kind, set(following)).items():
        following[prediction_id].kind = prediction


def _latest(api: Api, classifier: Json, wanted: set[str]) -> dict[str, Json]:
    """Read predictions in few calls: they are the newest ones of their classifier."""
    found: dict[str, Json] = {}
    if not wanted:
        return found
    for prediction in api.items("/predictions", classifier_id=classifier["id"]):
        if prediction["id"] in wanted:
            found[prediction["id"]] = prediction
            if len(found) == len(wanted):
                break
    return found


def answer(api: Api, case: Case, questions: Questions) -> None:
    """Answer the open question about a page as the person who sees it would."""
    truths = (case.page.orientation, case.page.kind)
    for prediction, truth in zip(case.predictions, truths, strict=False):
        if prediction["status"] == "needs_review":
            api.post(f"/reviews/{prediction['review_id']}/answer", {"label": truth})
            thought = f"{prediction['label']}, {prediction['confidence']:.0%} sure"
            questions.answered.append((case.page.name, thought, truth))
