"""Shares as people say them: 2 in 100 rather than 0.02."""

from __future__ import annotations

from math import ceil, floor

from connector.web.ui.words import t


def frequency(share: float | None) -> str:
    """Return e.g. "2 in 100", "5 in 1,000", or the words for none, all and not known."""
    if share is None:
        return t("shares.unknown")
    if share <= 0:
        return t("shares.none")
    if share >= 1:
        return t("shares.all")
    for scale in (100, 1000):
        count = share * scale
        if count >= 9.95 or (abs(count - round(count)) < 0.01 and count >= 0.99):
            return t("shares.of", count=min(round(count), scale - 1), scale=scale)
    if share < 0.001:
        return t("shares.under", count=1, scale=1000)
    return t("shares.of", count=round(share * 1000), scale=1000)


def between(low: float, high: float) -> str:
    """Return e.g. "1 % to 6 %", rounded outwards."""
    return t("shares.between", low=floor(100 * low + 1e-9), high=ceil(100 * high - 1e-9))
