"""``movie-mlops models``: the registry of bundles; each group of commands in a module of its own."""

import typer

from movie_mlops.cli.models import aliases, cards, care, exchange, keys, shelf

app = typer.Typer(
    help="The registry of bundles: list, show, compare, verify, name, sign, export, import, clear away.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

app.command("list")(shelf.list_)
app.command()(shelf.show)
app.command()(shelf.verify)
app.command()(aliases.alias)
app.command()(aliases.aliases)
app.command()(cards.card)
app.command()(cards.compare)
app.command()(exchange.export)
app.command("import")(exchange.import_)
app.command()(care.gc)
app.command()(keys.sign)
app.add_typer(keys.app, name="keys")
