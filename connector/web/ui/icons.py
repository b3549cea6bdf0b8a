"""The few icons there are, as paths on a grid of 24: drawn inline, in the colour of the text."""

from __future__ import annotations

from markupsafe import Markup

PATHS = {
    "grid": "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
    "question": "M9.2 9a3 3 0 1 1 4.4 2.7c-1 .6-1.6 1.2-1.6 2.3M12 17.5v.1M12 21a9 9 0 1 0 0-18 9"
    " 9 0 0 0 0 18z",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
    "gear": "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5"
    " 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "plus": "M12 5v14M5 12h14",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "cross": "M6 6l12 12M18 6L6 18",
    "warn": "M12 4l9 16H3zM12 10v4M12 17v.1",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.1",
    "arrow": "M5 12h14M13 6l6 6-6 6",
    "exchange": "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "down": "M6 9l6 6 6-6",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
    "key": "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9v3M17 11v2.5",
    "sun": "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4"
    " 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
    "moon": "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
    "system": "M4 5h16v11H4zM9 20h6M12 16v4",
    "out": "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "picture": "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9.5v.1",
    "sort": "M4 6h6v6H4zM14 4h6v4h-6zM14 10h6v4h-6zM14 16h6v4h-6zM10 9h2M12 6v12M12 6h2M12 12h2"
    "M12 18h2",
    "yesno": "M3 12.5l3 3 6-6.5M15 9l6 6M21 9l-6 6",
    "turn": "M5 12a7 7 0 1 1 2.5 5.4M5 7v5h5",
    "bell": "M6 16V11a6 6 0 1 1 12 0v5l1.5 2h-15zM10 21h4",
    "spark": "M12 3l2 6.5L20.5 12 14 14.5 12 21l-2-6.5L3.5 12 10 9.5z",
    "chart": "M4 20h16M7 16v-4M12 16V7M17 16v-6",
    "mail": "M3 6h18v12H3zM3 7l9 7 9-7",
    "clock": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
    "bin": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "up": "M6 15l6-6 6 6",
    "link": "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0"
    " 5.7 5.7L12 17",
    "folder": "M3 6h6l2 2h10v11H3z",
    "bucket": "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3l-2 13c-.3 1.2-2.9 2-6 2s-5.7-.8-6-2zM4 6c0 1.7 3.6 3"
    " 8 3s8-1.3 8-3",
    "pause": "M8 5v14M16 5v14",
    "play": "M7 4.5v15l12-7.5z",
    "pencil": "M4 20l1-4L16.5 4.5l3 3L8 19z",
}


def icon(name: str, *, label: str = "") -> Markup:
    """Return an icon; with a `label` it speaks for itself, else it only adorns what does."""
    if label:
        heard = Markup('role="img" aria-label="{}"').format(label)
    else:
        heard = Markup('aria-hidden="true"')
    drawn = Markup('<svg class="icon" viewBox="0 0 24 24" {}><path d="{}"/></svg>')
    return drawn.format(heard, PATHS[name])
