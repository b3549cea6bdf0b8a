"""All pages. A new group of them is a module here and a line below, in the alphabet's order."""

from __future__ import annotations

from connector.web.ui.assets import assets
from connector.web.ui.pages import Pages
from connector.web.ui.themes import themes
from connector.web.ui.views.account import account
from connector.web.ui.views.activity import activity, bulk_undo, classifier_activity, journey
from connector.web.ui.views.answer import answer
from connector.web.ui.views.asking import asking
from connector.web.ui.views.automate import automate
from connector.web.ui.views.classifier import classifier
from connector.web.ui.views.classifier_review import classifier_review
from connector.web.ui.views.classifier_settings import classifier_settings
from connector.web.ui.views.exchange import exchange
from connector.web.ui.views.home import home
from connector.web.ui.views.keys import keys
from connector.web.ui.views.link import link
from connector.web.ui.views.login import login
from connector.web.ui.views.machine import machine
from connector.web.ui.views.messages import messages
from connector.web.ui.views.models import models
from connector.web.ui.views.new import new
from connector.web.ui.views.people import people
from connector.web.ui.views.pictures import pictures
from connector.web.ui.views.quality import quality
from connector.web.ui.views.review import review
from connector.web.ui.views.sample import sample
from connector.web.ui.views.settings import settings
from connector.web.ui.views.shots import shots
from connector.web.ui.views.storage import storage
from connector.web.ui.views.train import train
from connector.web.ui.views.webhook_settings import webhook_settings

PAGES: tuple[Pages, ...] = (
    account,
    activity,
    answer,
    asking,
    assets,
    automate,
    bulk_undo,
    classifier,
    classifier_activity,
    classifier_review,
    classifier_settings,
    exchange,
    home,
    journey,
    keys,
    link,
    login,
    machine,
    messages,
    models,
    new,
    people,
    pictures,
    quality,
    review,
    sample,
    settings,
    shots,
    storage,
    themes,
    train,
    webhook_settings,
)
