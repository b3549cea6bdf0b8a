"""E-mails that show pictures and say nothing that a label or a name made up."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from postbox import plain, postbox
from telling import EVIL, START, digest, single

from connector.alerts import channels
from connector.alerts.mail_body import as_html
from connector.alerts.message import Message, as_text
from connector.alerts.params import AlertParams
from connector.settings import Settings


class Page(HTMLParser):
    """Collects tags, addresses and text, as a mail program reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.images: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        assert not any(name.startswith("on") for name in values)
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag == "img":
            self.images.append(values["src"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


HARMLESS = {"html", "head", "meta", "body", "p", "strong", "img", "br", "a", "table", "tr", "td"}


@pytest.mark.parametrize("message", [single(), digest()], ids=["single", "digest"])
def test_labels_and_names_stay_text_and_nothing_is_loaded_from_elsewhere(message: Message) -> None:
    html, images = as_html(message)
    page = Page(html)
    assert page.tags <= HARMLESS
    assert EVIL in page.text
    assert page.images == [f"cid:{image.cid}" for image in images]
    assert all(link.startswith("https://colabel.example/") for link in page.links)
    assert "http" not in html.replace('href="https://', "")


def test_a_digest_counts_and_links_to_all() -> None:
    html, images = as_html(digest(count=12, pictures=2))
    page = Page(html)
    assert len(images) == 2
    assert "and 10 more" in page.text
    assert "2026-03-01 09:00:00 to 09:05:00 UTC" in page.text
    assert page.links[-1].endswith("digest_id=dig_1&a=b")
    text = as_text(digest(count=12, pictures=2))
    assert "     11  x" in text
    assert "and 10 more." in text
    assert "more" not in as_text(digest(count=2, pictures=2)).replace(EVIL, "")
    later = START.replace(day=2)
    assert "2026-03-01 09:00:00 to 2026-03-02 09:00:00 UTC" in as_text(digest(end=later))


def test_a_picture_without_a_thumbnail_is_linked_all_the_same() -> None:
    html, images = as_html(single(thumbnail=None))
    assert (images, Page(html).images) == ([], [])
    assert len(Page(html).links) == 2


def test_it_arrives_as_text_and_as_html_with_its_picture_inside() -> None:
    params = AlertParams(channel="email", to="alice@example.com")
    with postbox() as box:
        channels.send(params, single(), Settings(smtp_url=box.url))
    [message] = box.messages
    assert message.get_content_type() == "multipart/alternative"
    text, related = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "pred_1/image" in plain(message)
    assert related.get_content_type() == "multipart/related"
    html, image = related.iter_parts()
    assert image["Content-ID"].strip("<>") in html.get_content()
    assert (image.get_content_type(), image.get_content_disposition()) == ("image/jpeg", "inline")
    assert image.get_content() == b"\xff\xd8jpeg"
    assert message["Message-ID"].startswith("<act_1@")
