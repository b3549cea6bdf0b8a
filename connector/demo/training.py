"""The demo's two classifiers: made, given examples, trained and given rules, all by the API."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from connector.demo.client import Api, DemoFailed, Json, follow
from connector.demo.labelled import Plan, kind_examples, turned_examples
from connector.demo.pages import KINDS, ORIENTATIONS
from connector.demo.screen import Screen, Step

WAY_UP, KIND = "which way up", "kind of page"
# Workers load torch before they take anything up, which takes its time on a cold disk.
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Pair:
    """The two classifiers, as the API shows them."""

    way_up: Json
    kind: Json


def make_classifiers(api: Api) -> Pair:
    """Make both, or find them when the demo ran here before."""
    known = {one["name"]: one for one in api.items("/classifiers")}
    wanted = ((WAY_UP, "orientation", ORIENTATIONS), (KIND, "sort", KINDS))
    made = [
        known.get(name)
        or api.post("/classifiers", {"name": name, "recipe": recipe, "labels": list(labels)})
        for name, recipe, labels in wanted
    ]
    return Pair(*made)


def import_examples(api: Api, pair: Pair, plan: Plan, step: Step) -> None:
    """Draw the examples and upload them as two zips; the second is drawn while one is read.

    What an earlier run has imported whole is left out.
    """
    wanted = [
        (classifier, draw, count)
        for classifier, draw, count in (
            (pair.way_up, turned_examples, plan.turned_examples),
            (pair.kind, kind_examples, plan.kind_examples),
        )
        if sum(label["examples"] for label in classifier["labels"]) < count
    ]
    total, before = sum(count for _, _, count in wanted), 0
    paths = []
    for classifier, draw, count in wanted:
        archive = draw(count, _drawing(step, before, total))
        path = f"/classifiers/{classifier['id']}/imports"
        paths.append(f"{path}/{api.upload(path, archive, 'application/zip')['id']}")
        before += count
    follow(lambda: _imported(api, paths, total, step), PATIENCE_SECONDS, "The import")
    step.result = f"{total} pages that the demo drew" if total else "all are there already"


def _drawing(step: Step, before: int, total: int) -> Callable[[int], None]:
    return lambda done: step.progress(before + done, total, "drawing")


def _imported(api: Api, paths: list[str], total: int, step: Step) -> tuple[bool, object]:
    rows = [api.get(path) for path in paths]
    for row in rows:
        if row["status"] == "failed":
            raise DemoFailed(f"An import failed: {row['error']['detail']}")
        if row["skipped"]:
            raise DemoFailed(f"An import left files out: {row['problems'][0]['reason']}")
    done = sum(row["done"] for row in rows)
    step.progress(done, total, "reading")
    return all(row["status"] == "done" for row in rows), done


def train(api: Api, classifier: Json, step: Step) -> Json:
    """Train one classifier and wait for it; return the finished training run."""
    path = f"/classifiers/{classifier['id']}/training-runs"
    path = f"{path}/{api.post(path)['id']}"
    run: Json = {}

    def look() -> tuple[bool, object]:
        run.update(api.get(path))
        step.progress(run["done"], run["total"], run["message"] or run["step"] or "waiting")
        return run["status"] in ("done", "failed"), (run["step"], run["done"], run["message"])

    follow(look, PATIENCE_SECONDS, f"The training of “{classifier['name']}”")
    if run["status"] == "failed":
        raise DemoFailed(f"Training failed: {run['error']['detail']}")
    step.result = score(run["metrics"] or {})
    return run


def score(metrics: Json) -> str:
    """Say how well a version did on pages that it did not train on."""
    count, accuracy = metrics.get("count"), metrics.get("accuracy")
    if not count or accuracy is None:
        return "live, not scored for want of pages"
    return f"live, {round(accuracy * count)} of {count} held-out pages right"


def make_rules(api: Api, pair: Pair) -> int:
    """Make the rules, unless they are there from an earlier run; return how many there are."""
    hand_on = {"kind": "classify", "params": {"classifier": pair.kind["id"]}}
    turn = {"kind": "rotate", "params": {"to_upright": True}}
    wanted = [
        (pair.way_up, label, [hand_on] if label == "upright" else [turn, hand_on])
        for label in ORIENTATIONS
    ]
    sort = {"kind": "move", "params": {"folder": "{label}"}}
    wanted += [(pair.kind, label, [sort]) for label in KINDS]
    there = {
        (one["id"], rule["label"])
        for one in (pair.way_up, pair.kind)
        for rule in api.get(f"/classifiers/{one['id']}/rules")["items"]
    }
    for classifier, label, actions in wanted:
        if (classifier["id"], label) not in there:
            rule = {"label": label, "actions": actions}
            api.post(f"/classifiers/{classifier['id']}/rules", rule)
    return len(wanted)


def notice(screen: Screen, classifier: Json, run: Json | None) -> None:
    """Say in which lesser way the models were made, if they were."""
    sentence = (run or {}).get("notice") or classifier["notice"]
    if sentence:
        indent = " " * 5
        note = textwrap.fill(
            f"Note: {sentence}",
            width=96,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        screen.say(note)
