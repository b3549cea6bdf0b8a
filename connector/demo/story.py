"""The demo from the first step to the last, told by the service's own API."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.demo import report, training
from connector.demo.client import Api, DemoFailed
from connector.demo.labelled import Plan, new_pages
from connector.demo.pages import Page
from connector.demo.report import Checked, shown_path
from connector.demo.screen import Screen
from connector.demo.training import KIND, WAY_UP, Pair
from connector.demo.working import Case, Questions, send, wait

STEPS = 7
SHOWN_QUESTIONS = 3


@dataclass(frozen=True)
class Stage:
    """Where the story plays."""

    api: Api
    data_dir: Path
    key_file: Path
    screen: Screen
    plan: Plan
    once: bool


def tell(stage: Stage) -> None:
    """Run all steps, print what happens. Raises DemoFailed when something goes wrong."""
    screen, api = stage.screen, stage.api
    with screen.step("Making two classifiers") as step:
        pair = training.make_classifiers(api)
        step.result = f"“{WAY_UP}” and “{KIND}”"
    _learn(stage, pair)
    with screen.step("Writing the rules") as step:
        count = training.make_rules(api, pair)
        step.result = f"{count}: turn it upright, ask what kind it is, move it to that folder"
    run, pages = _new_pages(stage)
    with screen.step(f"Sending {len(pages)} new pages to the webhook") as step:
        cases = send(api, pair, pages, step)
    questions = Questions()
    with screen.step("Waiting for the work to be done") as step:
        wait(api, pair, cases, questions, step)
    _show_questions(screen, questions)
    _show_result(stage, cases, run)
    _show_way_on(stage, training.make_classifiers(api), cases, run)


def _learn(stage: Stage, pair: Pair) -> None:
    """Import and train what has no live model yet."""
    screen, api = stage.screen, stage.api
    new = [one for one in (pair.way_up, pair.kind) if one["live_version"] is None]
    with screen.step("Importing labelled pages") as step:
        training.import_examples(api, pair, stage.plan, step)
    for classifier in (pair.way_up, pair.kind):
        run = None
        with screen.step(f"Training “{classifier['name']}”") as step:
            if classifier in new:
                run = training.train(api, classifier, step)
            else:
                step.result = f"version {classifier['live_version']} is live already"
        if classifier is pair.kind:
            training.notice(screen, classifier, run)


def _new_pages(stage: Stage) -> tuple[Path, list[Page]]:
    """Draw new pages and keep them as they will be sent, to compare with."""
    sent = stage.data_dir / "sent"
    sent.mkdir(exist_ok=True)
    number = 1 + max((int(f.name) for f in sent.iterdir() if f.name.isdecimal()), default=0)
    folder = sent / str(number)
    folder.mkdir()
    pages = new_pages(stage.plan.new_pages, number)
    for page in pages:
        (folder / page.name).write_bytes(page.data)
    return folder, pages


def _show_questions(screen: Screen, questions: Questions) -> None:
    asked = questions.answered
    for name, thought, said in asked[:SHOWN_QUESTIONS]:
        screen.say(f"     {name}: the model said {thought}; the person said {said}")
    if len(asked) > SHOWN_QUESTIONS:
        screen.say(f"     … and {len(asked) - SHOWN_QUESTIONS} more (the demo plays the person)")


def _show_result(stage: Stage, cases: Sequence[Case], run: Path) -> None:
    failed = [case.failed for case in cases if case.failed]
    if failed:
        raise DemoFailed(f"{len(failed)} pages were not done. The first: {failed[0]}")
    folder = stage.data_dir / "sorted" / KIND
    checked = report.check(cases, folder)
    say = stage.screen.say
    say("\nWhat the files on disk say, compared with what was drawn:\n")
    say(report.result_table(checked))
    wrong = report.mistakes(checked)
    say(f"\nMistakes: {len(wrong) or 'none'}")
    for sentence in wrong[: report.SHOWN]:
        say(f"  {sentence}")
    if len(wrong) > report.SHOWN:
        say(f"  … and {len(wrong) - report.SHOWN} more")
    _check_none_lost(checked)
    say(f"\nBefore  {shown_path(run)}/\nAfter   {shown_path(folder)}/")


def _check_none_lost(checked: Sequence[Checked]) -> None:
    if lost := report.lost(checked):
        raise DemoFailed(f"{len(lost)} pages are not in the folder as sent, such as {lost[0]}.")


def _show_way_on(stage: Stage, pair: Pair, cases: Sequence[Case], run: Path) -> None:
    """Print commands that can be pasted as they are."""
    key = f'-H "Authorization: Bearer $(cat {shlex.quote(shown_path(stage.key_file))})"'
    moved = next(action for case in cases for action in case.actions("move"))
    name = Path(moved["detail"]["to"]).name
    page = shlex.quote(shown_path(run / cases[0].page.name))
    api = f"{stage.api.url}/api/v1"
    again = f"first: colabel up --data {shlex.quote(shown_path(stage.data_dir))}"
    stage.screen.say(
        f"""
Go on{f" ({again})" if stage.once else ""}
  Open            {stage.api.url}/
  Send a picture  curl -F image=@{page} {pair.way_up["hook_url"]}
  Take back       curl -X POST {key} {api}/actions/{moved["id"]}/undo
                  (that was the move of {name})
  All answers     curl {key} {api}/predictions"""
    )
