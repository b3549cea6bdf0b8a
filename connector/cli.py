"""The command `colabel`: each sub-command lives in a module that is loaded when it is asked for."""

from __future__ import annotations

import importlib
import logging

import click

from connector.errors import ColabelError

# Sub-command -> module and attribute; the help text stands here so that `--help` loads nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("connector.commands.up:up", "Run everything on this machine until Ctrl-C."),
    "demo": ("connector.commands.demo:demo", "Run a sample job through the real service."),
    "import": ("connector.commands.importing:import_", "Import labelled pictures."),
    "label": ("connector.commands.label:label", "List, add, rename, merge and remove labels."),
    "train": ("connector.commands.train:train", "Train a classifier and follow its progress."),
    "report": ("connector.commands.report:report", "Say how good a classifier is."),
    "promise": ("connector.commands.promise:promise", "Promise an error rate, and see it kept."),
    "rehearse": ("connector.commands.studies:rehearse", "Try changes on past pictures."),
    "suggest": ("connector.commands.studies:suggest", "Say what to label next."),
    "version": ("connector.commands.version:version", "List, compare and put back versions."),
    "source": ("connector.commands.source:source", "Make and manage addresses for other tools."),
    "classify": ("connector.commands.classify:classify", "Classify picture files."),
    "undo": ("connector.commands.undo:undo", "Take back what rules did."),
    "evaluate": ("connector.commands.evaluate:evaluate", "Score a classifier on labelled folders."),
    "export": ("connector.commands.export:export", "Write the live model as one ONNX file."),
    "pictures": (
        "connector.commands.pictures:pictures",
        "Exchange pictures and labels with other tools.",
    ),
    "doctor": ("connector.commands.doctor:doctor", "Check this installation and say what to do."),
    "webhook": ("connector.commands.webhook:webhook", "List, test, replay and rotate webhooks."),
    "audit": ("connector.commands.audit:audit", "List who did what."),
    "retention": ("connector.commands.retention:retention", "Delete pictures after some time."),
    "alert": ("connector.commands.alert:alert", "Test alerts, and list what waits for a digest."),
    "person": ("connector.commands.person:person", "List and invite people, make their links."),
    "key": ("connector.commands.key:key", "Make, list and revoke API keys."),
    "db": ("connector.commands.db:db", "Bring the database up to date."),
    "web": ("connector.commands.processes:web", "Run the web process (Procfile)."),
    "worker": ("connector.commands.processes:worker", "Run one queue's worker (Procfile)."),
    "watch": ("connector.commands.processes:watch", "Look at watched folders (Procfile)."),
    "slack": ("connector.commands.processes:slack", "Listen to Slack, in socket mode (Procfile)."),
    "clock": ("connector.commands.processes:clock", "Run the clock (Procfile)."),
}


class LazyGroup(click.Group):
    """Loads a sub-command's module only when it is run, and shows our errors as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run; an error that is meant for people becomes its sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except ColabelError as error:
            raise click.ClickException(error.detail) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="colabel")
def cli() -> None:
    """Put an image classifier to work on your pictures."""
    # The bells say by themselves that Redis is away; at a terminal that is no news.
    logging.getLogger("connector.jobs").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line."""
    cli(prog_name="colabel")


if __name__ == "__main__":
    main()
