"""``movie-mlops serve``."""

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
    from movie_mlops.flows.serve import describe, make_app
    from movie_mlops.serving import ServingConfig, address, bind
    from movie_mlops.serving import serve as answer
    from movie_mlops.settings import read_rules

    if openapi:
        output.print_json(describe())
        return
    settings = door.settings(home)
    door.require_fit(settings, host)
    workspace = door.workspace(home, dataset)
    bound = bind(host or settings.host, port or settings.port)
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    security = door.security(settings)
    serving = ServingConfig(
        admin_token=token or None,
        rules=read_rules(settings.config / "rules.yaml"),
        rollout=door.rollout(settings),
        security=security.as_closed() if closed else security,
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
        )

        def ready() -> None:
            if lines is not None:
                lines.take_over_servers()
            where = address(bound)
            typer.echo(f"Recommendations from {workspace.dataset}: {where}/   API: {where}/docs   Ctrl-C ends.")

        answer(app, bound, on_ready=ready)
