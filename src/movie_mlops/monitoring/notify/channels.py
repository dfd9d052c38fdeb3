"""Where messages go: a file, a webhook as Slack has it, e-mail."""

import errno
import json
import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar, Final, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.monitoring.notify.config import MailConfig
from movie_mlops.monitoring.notify.notices import Notice

_LATER: Final = frozenset({408, 425, 429})
_SERVER: Final = 500
_GOOD: Final = range(200, 300)


class NotToldError(MonitoringError):
    """A receiver did not take a message; it may later."""

    code = "not-told"
    retryable: ClassVar[bool] = True


class RefusedNoticeError(MonitoringError):
    """A receiver will not take such a message, however often it is sent."""

    code = "refused-notice"


class Channel(Protocol):
    """Takes messages somewhere."""

    @property
    def name(self) -> str:
        """Say where, without a secret."""

    def send(self, notice: Notice) -> None:
        """Send a message.

        Raises:
            NotToldError: It may be taken later.
            RefusedNoticeError: It will not.
        """


class FileChannel:
    """Appends each message to a file, as a line of JSON.

    Args:
        path: The file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"the file {path.name}"

    def send(self, notice: Notice) -> None:
        """Append it; a line is there whole or not at all."""
        line = (json.dumps(notice.document(), ensure_ascii=False) + "\n").encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _append(self._path, line)
        except OSError as error:
            raise NotToldError(
                f"{self._path} cannot be written ({error.strerror}).", next_step="Check the folder and the disk."
            ) from error


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        if file.write(line) < len(line):
            file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class WebhookChannel:
    """Posts each message to a webhook that takes ``{"text": …}``, as Slack's and Mattermost's do.

    Args:
        url: Its address, which is a secret: whoever has it may write there.
        patience_seconds: How long it may take.
    """

    def __init__(self, url: SecretStr, patience_seconds: float) -> None:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise MonitoringError(
                "MOVIE_MLOPS_NOTIFY_WEBHOOK is no address.",
                next_step="Give it as https://host/path, as Slack shows it.",
            )
        self._url = url
        self._patience_seconds = patience_seconds
        self.name = f"the webhook at {parts.hostname}"

    def send(self, notice: Notice) -> None:
        """Post it."""
        import httpx  # noqa: PLC0415 - only where there is a webhook

        try:
            answer = httpx.post(
                self._url.get_secret_value(), json={"text": notice.text}, timeout=self._patience_seconds
            )
        except httpx.HTTPError as error:
            # Its words may hold the address.
            raise NotToldError(
                f"{self.name} does not answer ({type(error).__name__}).", next_step="It is tried again by itself."
            ) from None
        if answer.status_code in _GOOD:
            return
        kind = NotToldError if answer.status_code in _LATER or answer.status_code >= _SERVER else RefusedNoticeError
        raise kind(
            f"{self.name} answered {answer.status_code}.",
            next_step="Look whether MOVIE_MLOPS_NOTIFY_WEBHOOK is still its address.",
        )


class MailChannel:
    """Sends each message as an e-mail.

    Args:
        config: By which server, from whom, to whom.
        password: Of the user that signs in.
        patience_seconds: How long each step may take.
    """

    def __init__(self, config: MailConfig, password: SecretStr | None, patience_seconds: float) -> None:
        if config.user and password is None:
            raise MonitoringError(
                f"There is no password for {config.user} at {config.host}.",
                next_step="Set MOVIE_MLOPS_NOTIFY_PASSWORD.",
            )
        self._config = config
        self._password = password
        self._patience_seconds = patience_seconds
        self.name = f"e-mail by {config.host}"

    def send(self, notice: Notice) -> None:
        """Send it."""
        config, message = self._config, EmailMessage()
        message["Subject"], message["From"] = notice.subject, config.sender
        message["To"] = ", ".join(config.recipients)
        message.set_content(notice.text)
        try:
            with smtplib.SMTP(config.host, config.port, timeout=self._patience_seconds) as server:
                if config.starttls:
                    server.starttls(context=ssl.create_default_context())
                if config.user and self._password is not None:
                    server.login(config.user, self._password.get_secret_value())
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise RefusedNoticeError(
                f"{config.host} takes nothing for {', '.join(error.recipients)}.",
                next_step="Correct mail.recipients in config/notify.yaml.",
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotToldError(
                f"{self.name} cannot be sent ({type(error).__name__}).", next_step="It is tried again by itself."
            ) from None
