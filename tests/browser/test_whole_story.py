"""The whole story, told once: from an empty house to a model that sorts, asks and gets better."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from browsing import violations, window
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from running import Service, prepare, running, until
from stage import PASSWORD

# A training, on a machine that does other things too.
TRAINED_MS = 120_000
LABELS = ("amber", "violet")
SENT = 12


def paint(share: float, seed: int) -> bytes:
    """Return a picture between amber (0) and violet (1): in the middle nobody can tell."""
    random = np.random.default_rng(seed)
    pure = np.array([(230, 160, 20), (130, 30, 220)])
    mixed = (1 - share) * pure[0] + share * pure[1]
    noise = random.integers(-25, 26, (48, 64, 3)) + random.integers(-15, 16, (1, 1, 3))
    out = io.BytesIO()
    pixels = np.clip(mixed + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two hundred pictures, sorted into two folders."""
    root, random = tmp_path / "glass", np.random.default_rng(7)
    for number in range(200):
        share = random.uniform(0.0, 1.0)
        # In the middle people do not agree with each other.
        label = int(share + random.normal(0, 0.07) > 0.5)
        place = root / LABELS[label]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:03}.png").write_bytes(paint(share, 1000 + number))
    return root


@pytest.fixture
def bare(browser: Browser, tmp_path: Path) -> Iterator[Service]:
    """Give an empty house with weights that were put there by hand.

    They are random: they tell colours apart, which is what these pictures take, and are less sure
    of the mixed ones than the network in the box, so that there is something to ask about.
    """
    torch.manual_seed(1)
    weights = tmp_path / "squeezenet1_1.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    environment = {
        "COLABEL_BACKBONE": "squeezenet1_1",
        "COLABEL_WEIGHTS": str(weights),
        "COLABEL_FINETUNE_SECONDS": "0",
    }
    with running(prepare(tmp_path / "data"), environment=environment) as service:
        yield service


def begin(page: Page, service: Service) -> str:
    """Make the owner's account by the link that `up` printed, and a classifier; return its path."""
    link = re.search(r"Begin +(http://\S+/link/\w+)", service.said.read_text())
    assert link is not None
    page.goto(link[1])
    page.get_by_label("E-mail address").fill("alice@example.com")
    page.get_by_label("Name", exact=True).fill("Alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Welcome, Alice.")).to_be_visible()
    page.goto("/classifiers/new")
    page.locator("[name=name]").fill("Glass")
    page.locator("[name=labels]").fill(", ".join(LABELS))
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Glass")
    return page.url.removeprefix(service.url)


def teach(page: Page, here: str, folder: Path) -> None:
    """Drop the folder; the rest happens by itself."""
    page.goto(f"{here}/pictures/add")
    page.locator("#f-folder").set_input_files(folder)
    page.keyboard.press("Enter")
    expect(page.locator("[data-sums]")).to_contain_text("200 pictures added.")
    page.goto(here)
    expect(page.locator("#state")).to_contain_text("judged on", timeout=TRAINED_MS)


def promise(page: Page, here: str) -> None:
    """Move the slider; promise that at most 10 in 100 automatic answers are wrong."""
    page.goto(f"{here}/quality")
    expect(page.get_by_text(re.compile("^Wrong about"))).to_be_visible()
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("At most 7 in 100 automatic answers are wrong.")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("At most 10 in 100 automatic answers are wrong.")).to_be_visible()
    page.get_by_role("button", name="Promise this").click()
    expect(page.get_by_text("That is promised from now on.")).to_be_visible()
    expect(page.locator("#promise-now")).to_contain_text("Kept", timeout=TRAINED_MS)


def automate(page: Page, here: str) -> None:
    """Say that they are moved into a folder by their label; rehearsed before it is on."""
    page.goto(f"{here}/automate")
    page.get_by_role("link", name="Move them by their label").click()
    page.get_by_label("Folder").fill("{label}/sorted")
    page.get_by_role("button", name="Rehearse it").click()
    expect(page.locator("#rehearsal")).to_contain_text("No picture came in", timeout=TRAINED_MS)
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("The rule is on")).to_be_visible()


def send(page: Page, service: Service, here: str) -> None:
    """Send twelve by the webhook: half of them clear, half of them neither one nor the other."""
    page.goto(here)
    hook = page.locator(".copyable code").first.inner_text().removeprefix(service.url)
    headers = {"Content-Type": "image/png"}
    for number in range(SENT):
        share = 0.5 if number % 2 else 0.03
        status, _ = service.request("POST", hook, paint(share, number), headers)
        assert status == 202
    expect(page.locator("#state")).to_contain_text("open question", timeout=TRAINED_MS)


def lying(service: Service) -> list[str]:
    """Return what lies in the folders that the rule makes."""
    found = service.prepared.data_dir.glob("sorted/**/sorted/*.png")
    return sorted(f"{path.parent.parent.name}/{path.name}" for path in found)


def answer_all(page: Page) -> int:
    """Answer by keyboard until nothing is asked any more; return how many there were."""
    page.goto("/review")
    answered = 0
    while page.locator("#question[data-review]").count():
        now = page.locator("#question").get_attribute("data-review")
        key = page.locator('#question button[value="violet"]').get_attribute("data-key")
        page.keyboard.press(str(key))
        expect(page.locator(f'#question[data-review="{now}"]')).to_have_count(0)
        page.wait_for_load_state("networkidle")
        answered += 1
    expect(page.get_by_role("heading", name="Nothing to answer")).to_be_visible()
    return answered


def improve(page: Page, here: str) -> None:
    """Train with the answers; the next model goes live because it is not worse and knows more."""
    page.goto(f"{here}/training")
    page.get_by_role("button", name="Train now").click()
    page.goto(f"{here}/models")
    until(lambda: page.reload() and page.get_by_text("Version 2").count(), 120, "version 2 is made")
    expect(page.locator("main")).to_contain_text(re.compile(r"Version 2\s+live"))


def take_back(page: Page, here: str) -> None:
    """Take back all that the rule did, after a look at what that is."""
    page.goto(f"{here}/activity")
    expect(page.get_by_text("by version 1").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Undo in bulk").click()
    page.locator("#f-rule").select_option(index=1)
    page.get_by_role("button", name="Show what that is").click()
    expect(page.get_by_role("status")).to_contain_text(f"{SENT} actions can be taken back.")
    page.get_by_role("button", name=f"Take {SENT} actions back").click()
    expect(page.locator("#undo")).to_contain_text("Done", timeout=TRAINED_MS)
    expect(page.locator("#undo")).to_contain_text(f"{SENT} taken back")


def test_the_whole_story(browser: Browser, bare: Service, folder: Path) -> None:
    with window(browser, bare.url) as page:
        here = begin(page, bare)
        teach(page, here, folder)
        promise(page, here)
        automate(page, here)
        send(page, bare, here)
        assert 0 < answer_all(page) < SENT
        until(lambda: len(lying(bare)) == SENT, 60, "every picture is in its folder")
        improve(page, here)
        take_back(page, here)
        assert lying(bare) == []
