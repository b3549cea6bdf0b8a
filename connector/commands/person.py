"""`colabel person`: who uses the pages."""

from __future__ import annotations

import click

from connector.commands.common import Service, data_option, open_service, workspace_option
from connector.commands.show import table
from connector.domain import links, people
from connector.domain.links import Made


@click.group()
def person() -> None:
    """List and invite people, and make links for their accounts."""


@person.command("list")
@workspace_option
@data_option
def list_(workspace: str | None) -> None:
    """List everybody who has an account, and who was invited."""
    with open_service() as service, service.database.read() as session:
        workspace_id = service.workspace_id(workspace)
        rows = [
            (
                one.id,
                one.name,
                one.email,
                one.role,
                "shut out" if one.disabled_at else f"since {one.created_at.date().isoformat()}",
            )
            for one in people.list_people(session, workspace_id)
        ]
        rows += [
            ("", "", str(one.email), str(one.role), f"invited until {one.expires_at.date()}")
            for one in links.list_invitations(session, workspace_id)
        ]
    click.echo(table(("id", "name", "e-mail", "role", ""), rows))


@person.command()
@workspace_option
@data_option
def link(workspace: str | None) -> None:
    """Print a link that makes an owner's account, once; earlier ones end."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            made = links.for_owner(session, workspace_id)
    _say(service, made, "It makes an owner's account")


@person.command()
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(people.ROLES[::-1]),
    default=people.MEMBER,
    show_default=True,
    help="What they may do.",
)
@workspace_option
@data_option
def invite(email: str, role: str, workspace: str | None) -> None:
    """Print a link that lets somebody with this EMAIL make an account, once."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            made = links.invite(session, workspace_id, email, role)
    _say(service, made, f"It makes the account of {made.link.email}, as {role}")


@person.command()
@click.argument("person_id", metavar="PERSON")
@workspace_option
@data_option
def reset(person_id: str, workspace: str | None) -> None:
    """Print a link that lets PERSON (an id or an e-mail address) choose a new password, once."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            made = links.reset(session, people.find(session, workspace_id, person_id))
    _say(service, made, f"It lets {made.link.email} choose a new password")


@person.command()
@click.argument("person_id", metavar="PERSON")
@workspace_option
@data_option
def disable(person_id: str, workspace: str | None) -> None:
    """Shut PERSON (an id or an e-mail address) out at once."""
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.write() as session:
            row = people.find(session, workspace_id, person_id)
            people.disable(session, row)
    click.echo(f"{row.name} is shut out; all sessions have ended.")


def _say(service: Service, made: Made, what: str) -> None:
    click.echo(f"{service.settings.public_url}{made.path}")
    until = f"{made.link.expires_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{what}; it works once, until {until}. It is not shown again.", err=True)
