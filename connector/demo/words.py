"""What the pages of the demo say: plain office prose, put together by chance."""

from __future__ import annotations

from random import Random


def _each(text: str, separator: str = " ") -> list[str]:
    return text.split(separator)


_PROSE = _each(
    "thank you for your order of last week we have checked the delivery and found that two of the "
    "boxes were not complete please send us the missing parts before the end of the month so that "
    "our workshop can go on with the repair as agreed on the phone the invoice follows by separate "
    "post should you have any questions about the contract my colleague in the office will be glad "
    "to help you the meeting takes place on thursday morning in the small hall next to the library "
    "and everybody who has signed the list is welcome to bring a guest from the neighbourhood"
)
_ITEMS = _each("Paper Ink Lamp Chair Cable Filter Hinge Valve Panel Brush Folder Switch Battery")
_SORTS = _each("A4 large blue spare, 2 m set of 10 for outdoors with lid refill 230 V used small")
_NAMES = _each("Baker Okafor Lind Moreau Tanaka Silva Novak Haddad Kowalski Meyer Rossi Jensen")
_FIRST = _each("Ada Ben Clara David Esra Felix Grace Hugo Ines Jonas Karin Luis")
_STREETS = _each("Mill Harbour Station Garden Church Market Bridge North Lake Orchard")
_TOWNS = _each("Ashford Belmont Carden Dunmore Elstow Fairlea Granby Holt")
_TRADES = _each(
    "& Sons|Instruments|Trading Ltd|Logistics|Paper Works|Dental Clinic|Insurance|Council", "|"
)
FIELDS = _each(
    "Surname|First name|Date of birth|Street|Town|Phone|E-mail|Account no.|Policy no.|Employer|"
    "Nationality|Reason|Start date|End date|Department|Signature of guardian",
    "|",
)
TITLES = _each(
    "Application for leave|Registration|Change of address|Claim form|Order of keys|Consent|"
    "Travel expenses|Membership",
    "|",
)


def sentence(rng: Random, words: int) -> str:
    """Return running text of so many words."""
    start = rng.randrange(len(_PROSE))
    return " ".join(_PROSE[(start + i) % len(_PROSE)] for i in range(words)).capitalize()


def person(rng: Random) -> str:
    """Return a full name."""
    return f"{rng.choice(_FIRST)} {rng.choice(_NAMES)}"


def company(rng: Random) -> str:
    """Return the name of a company or office."""
    return f"{rng.choice(_NAMES)} {rng.choice(_TRADES)}"


def address(rng: Random) -> list[str]:
    """Return street and town."""
    street = f"{rng.randint(1, 180)} {rng.choice(_STREETS)} {rng.choice(('Road', 'Street'))}"
    return [street, f"{rng.randint(10000, 99999)} {rng.choice(_TOWNS)}"]


def item(rng: Random) -> str:
    """Return what an invoice may charge for."""
    return f"{rng.choice(_ITEMS)}, {rng.choice(_SORTS)} {rng.choice(_SORTS)}"


def date(rng: Random) -> str:
    """Return a date."""
    return f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.20{rng.randint(19, 26)}"
