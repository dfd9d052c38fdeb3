"""Telling somebody what goes wrong, where there is no Alertmanager."""

from movie_mlops.monitoring.notify.channels import (
    Channel,
    FileChannel,
    MailChannel,
    NotToldError,
    RefusedNoticeError,
    WebhookChannel,
)
from movie_mlops.monitoring.notify.conditions import CONDITIONS, Condition, Look
from movie_mlops.monitoring.notify.config import RUNBOOKS, MailConfig, NotifyConfig
from movie_mlops.monitoring.notify.memory import Memory, Remembered
from movie_mlops.monitoring.notify.notices import Notice, Told
from movie_mlops.monitoring.notify.outbox import Outbox
from movie_mlops.monitoring.notify.samples import Samples
from movie_mlops.monitoring.notify.watch import Watch

__all__ = [
    "CONDITIONS",
    "RUNBOOKS",
    "Channel",
    "Condition",
    "FileChannel",
    "Look",
    "MailChannel",
    "MailConfig",
    "Memory",
    "NotToldError",
    "Notice",
    "NotifyConfig",
    "Outbox",
    "RefusedNoticeError",
    "Remembered",
    "Samples",
    "Told",
    "Watch",
    "WebhookChannel",
]
