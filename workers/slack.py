"""Slack's socket mode: clicks come over a connection that we opened. `python -m workers.slack`.

For machines that nobody can call from outside. What comes is handled as over HTTP; whoever sent it
proved itself by the address that Slack gave us for our app token.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from connector import slack
from connector.domain import slack_answers
from connector.errors import BadRequest, ColabelError, Unavailable
from connector.logs import setup_logging
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
# A line that broke is given up after five pings that could not be sent.
PING_SECONDS = 3.0
# So long a look whether somebody said stop.
LOOK_SECONDS = 0.5


class Socket(SocketModeClient):
    """slack_sdk's client, whose address is asked for by our own road and waited for patiently."""

    def __init__(self, rt: Runtime) -> None:
        super().__init__(rt.settings.slack_app_token, logger=logger, ping_interval=PING_SECONDS)
        self._rt = rt
        self.socket_mode_request_listeners.append(self._take)

    def issue_new_wss_url(self) -> str:
        """Return where to connect to, however long Slack is away. Raises Unavailable at the end."""
        pause, settings = FIRST_PAUSE, self._rt.settings
        while not self._rt.stopping.is_set():
            try:
                answer = slack.call(
                    settings, "apps.connections.open", {}, token=settings.slack_app_token
                )
                return str(answer["url"])
            except ColabelError as error:
                logger.warning("Slack gives no connection: %s", error.detail)
                pause = max(pause, float(error.retry_after or 0))
            self._rt.stopping.wait(min(pause, LONGEST_PAUSE))
            pause *= 2
        raise Unavailable("This process is about to end.")

    def _take(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """Do what somebody clicked, and acknowledge it; what is not, Slack sends again."""
        answer = None
        if request.type == "interactive":
            try:
                answer = slack_answers.take(self._rt.database, self._rt.settings, request.payload)
            except BadRequest as error:
                logger.warning(error.detail)
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))


def serve(rt: Runtime) -> None:
    """Stay connected until told to stop."""
    if not rt.settings.slack_app_token:
        logger.info("COLABEL_SLACK_APP_TOKEN is not set, so there is nothing to do here")
        rt.stopping.wait()
        return
    socket = Socket(rt)
    try:
        _connect(rt, socket)
        while not rt.stopping.wait(LOOK_SECONDS):
            pass
    finally:
        socket.close()


def _connect(rt: Runtime, socket: Socket) -> None:
    """Connect for the first time; from then on the client sees to it itself."""
    pause = FIRST_PAUSE
    while not rt.stopping.is_set():
        try:
            socket.connect()
            return
        except (OSError, SlackClientError) as error:
            logger.warning("Slack's connection could not be opened: %s", error)
        except Unavailable:
            return
        # An address of Slack's serves once.
        socket.wss_uri = None
        rt.stopping.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def main() -> int:
    """Run until a signal says stop."""
    setup_logging("slack")
    try:
        rt = runtime()
    except ColabelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    stopping: threading.Event = rt.stopping
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    serve(rt)
    return 0


if __name__ == "__main__":
    sys.exit(main())
