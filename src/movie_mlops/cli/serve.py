"""``movie-mlops serve``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where to answer (default: 8000).")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="On which address (default: this machine only).")] = None,
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print the API's description (OpenAPI 3.1, JSON) and serve nothing.")
    ] = False,
    tls_cert: Annotated[
        Path | None,
        typer.Option("--tls-cert", help="Answer by https alone, with this certificate and its chain (PEM)."),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="The certificate's private key (PEM).")] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Everybody shows who they are, whatever config/security.yaml says.")
    ] = False,
    log_file: options.LogFile = None,
    log_format: options.LogFormat = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
) -> None:
    """Serve the API and the page until Ctrl-C."""
    from movie_mlops.cli import door, output
    from movie_mlops.cli.security import stores
    from movie_mlops.cli.tracing import traced
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.serve import describe, make_app
    from movie_mlops.serving import ServingConfig, address, bind, tls_context
    from movie_mlops.serving import serve as answer
    from movie_mlops.settings import former_token, read_rules

    if openapi:
        output.print_json(describe())
        return
    settings = door.settings(home)
    certificate, key = tls_cert or settings.tls_cert, tls_key or settings.tls_key
    if bool(certificate) != bool(key):
        raise ConfigurationError(
            "A certificate is of no use without its key, nor a key without its certificate.",
            next_step="Give both --tls-cert and --tls-key, or neither.",
        )
    tls = tls_context(Path(certificate), Path(key)) if certificate and key else None
    door.require_fit(settings, host, encrypted=tls is not None)
    workspace = door.workspace(home, dataset)
    bound = bind(host or settings.host, port or settings.port)
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    security = door.security(settings)
    if tls is not None:
        security = security.model_copy(update={"tls": True})
    serving = ServingConfig(
        admin_token=token or None,
        rules=read_rules(settings.config / "rules.yaml"),
        rollout=door.rollout(settings),
        security=security.as_closed() if closed else security,
        former_token=former_token(settings),
    )
    with door.logged(settings, log_file, log_format) as lines, traced(settings, "api") as tracer:
        app = make_app(
            workspace,
            door.platform_config(settings),
            serving,
            lakes=door.lakes(settings),
            redis=door.redis(settings),
            keys=door.keys_config(settings),
            state_url=settings.state_url,
            lines=lines,
            tracer=tracer,
            key_secret=stores.key_secret(settings),
            budget=door.triggers(settings).budget,
            freshness=door.freshness(settings),
        )

        def ready() -> None:
            if lines is not None:
                lines.take_over_servers()
            where = address(bound, encrypted=tls is not None)
            typer.echo(f"Recommendations from {workspace.dataset}: {where}/   API: {where}/docs   Ctrl-C ends.")

        answer(app, bound, on_ready=ready, tls=tls)
