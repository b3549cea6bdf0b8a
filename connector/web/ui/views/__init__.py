"""All pages. A new group of them is a module here and a line below, in the alphabet's order."""

from __future__ import annotations

from connector.web.ui.assets import assets
from connector.web.ui.pages import Pages
from connector.web.ui.themes import themes
from connector.web.ui.views.account import account
from connector.web.ui.views.answer import answer
from connector.web.ui.views.automate import automate
from connector.web.ui.views.classifier import classifier
from connector.web.ui.views.classifier_review import classifier_review
from connector.web.ui.views.home import home
from connector.web.ui.views.keys import keys
from connector.web.ui.views.link import link
from connector.web.ui.views.login import login
from connector.web.ui.views.models import models
from connector.web.ui.views.new import new
from connector.web.ui.views.people import people
from connector.web.ui.views.pictures import pictures
from connector.web.ui.views.quality import quality
from connector.web.ui.views.review import review
from connector.web.ui.views.settings import settings
from connector.web.ui.views.shots import shots
from connector.web.ui.views.train import train

PAGES: tuple[Pages, ...] = (
    account,
    answer,
    assets,
    automate,
    classifier,
    classifier_review,
    home,
    keys,
    link,
    login,
    models,
    new,
    people,
    pictures,
    review,
    quality,
    settings,
    shots,
    themes,
    train,
)
