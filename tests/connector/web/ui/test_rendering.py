"""How values are written on pages."""

from __future__ import annotations

import pytest

from connector.web.ui.rendering import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, ""),
        (0.0, "0%"),
        (0.00004, "<0.1%"),
        (0.004, "0.4%"),
        (0.5, "50%"),
        (0.996, "99.6%"),
        (0.99996, ">99.9%"),
        (1.0, "100%"),
    ],
)
def test_a_share_is_never_quite_all_or_nothing(share: float | None, text: str) -> None:
    assert percent(share) == text
