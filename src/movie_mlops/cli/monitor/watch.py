"""``movie-mlops monitor watch``."""

from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.core.errors import MovieMlopsError
    from movie_mlops.flows.watching import Watching
    from movie_mlops.monitoring.notify import Channel, Notice, NotifyConfig
    from movie_mlops.settings import Settings


def watch(
    url: Annotated[
        str | None, typer.Option("--url", help="The API that is watched (default: MOVIE_MLOPS_HOST and _PORT).")
    ] = None,
    every: Annotated[
        float | None, typer.Option("--every", min=0.1, help="Seconds between two looks (default: config/notify.yaml).")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Say what is wrong now, tell nobody, and end; exit code 1 where anything is.")
    ] = False,
    trial: Annotated[
        bool, typer.Option("--trial", help="Send every receiver a message that says it is a trial, and end.")
    ] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Watch the API and the stores, and tell somebody what goes wrong, until Ctrl-C or SIGTERM.

    Needs no Prometheus. Who is told: config/notify.yaml, MOVIE_MLOPS_NOTIFY_WEBHOOK, MOVIE_MLOPS_NOTIFY_PASSWORD.
    """
    from dataclasses import replace

    from movie_mlops.cli import door
    from movie_mlops.flows.watching import Watching

    settings = door.settings(home)
    config = door.notify(settings)
    config = config if every is None else replace(config, every_seconds=every)
    if trial:
        _try(_channels(settings, config))
        return
    address = url or f"http://{settings.host}:{settings.port}"
    with door.platform(home, dataset) as platform:
        watching = Watching(
            platform,
            address,
            config,
            _tell,
            budget=door.triggers(settings).budget,
            freshness=door.freshness(settings),
        )
        if once:
            _once(watching, config, as_json=as_json)
        else:
            _until_asked(watching, _channels(settings, config), address)


def _channels(settings: "Settings", config: "NotifyConfig") -> "list[Channel]":
    from movie_mlops.monitoring.notify import FileChannel, MailChannel, WebhookChannel

    channels: list[Channel] = []
    if config.file:
        channels.append(FileChannel(settings.home / config.file))
    if settings.notify_webhook and settings.notify_webhook.get_secret_value():
        channels.append(WebhookChannel(settings.notify_webhook, config.patience_seconds))
    if config.mail.host:
        channels.append(MailChannel(config.mail, settings.notify_password, config.patience_seconds))
    return channels


def _try(channels: "list[Channel]") -> None:
    from movie_mlops.core import clock
    from movie_mlops.monitoring.notify import RUNBOOKS, Notice, Told

    told = Told("Trial", "ticket", "This is a trial; nothing is wrong.", clock.now(), RUNBOOKS)
    for channel in channels:
        channel.send(Notice(clock.now(), (told,)))
        typer.echo(f"Sent to {channel.name}.")
    if not channels:
        typer.echo("There is no receiver: set one in config/notify.yaml, or MOVIE_MLOPS_NOTIFY_WEBHOOK.")


def _once(watching: "Watching", config: "NotifyConfig", *, as_json: bool) -> None:
    from movie_mlops.cli import output
    from movie_mlops.monitoring.notify import CONDITIONS, Look

    samples, reached = watching.look()
    look = Look(reached, samples)
    found = []
    for condition in CONDITIONS:
        value = condition.value(look)
        state = "unknown" if value is None else "wrong" if value > 0 else "fine"
        sentence = condition.sentence.format(value=value) if value else ""
        runbook = f"{config.runbooks}#{condition.alert.lower()}"
        found.append({"alert": condition.key, "state": state, "what": sentence, "runbook": runbook if sentence else ""})
    output.print_rows(found, as_json=as_json)
    if any(one["state"] == "wrong" for one in found):
        raise typer.Exit(1)


def _until_asked(watching: "Watching", channels: "list[Channel]", address: str) -> None:
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    receivers = ", ".join(channel.name for channel in channels) or "nobody"
    typer.echo(f"Watching {address}; told is {receivers}; Ctrl-C ends.")
    watching.work(stop, channels, _say)


def _say(notice: "Notice") -> None:
    typer.echo(notice.text)


def _tell(error: "MovieMlopsError") -> None:
    typer.echo(f"error: {error}", err=True)
