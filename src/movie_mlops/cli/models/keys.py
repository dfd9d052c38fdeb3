"""Who vouches for bundles: sign one by hand; the key that signs here and the keys that are trusted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited
from movie_mlops.cli.models import words

if TYPE_CHECKING:
    from movie_mlops.release import TrustedKey

app = typer.Typer(
    help="The key that signs bundles here, and the keys that are trusted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Key = Annotated[str, typer.Argument(metavar="KEY", help="A key, as 'models keys list' names it.")]
Note = Annotated[str, typer.Option("--note", help="Why; it is kept in the list.")]


@audited("models.sign", on="bundle")
def sign(
    bundle: words.Bundle,
    reason: words.Reason,
    by: words.By = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Vouch for a bundle that nobody, or somebody else, signed; its bytes are checked, its origin is your word."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import key_id, sign_bundle

    with door.platform(home, dataset) as platform:
        bundle_id = door.bundle(platform.workspace, bundle)
        signature = sign_bundle(platform.workspace.models / bundle_id, platform.keys.signer())
        platform.registry.note(bundle_id, "signed", by=by, reason=reason)
    signed_by = key_id(signature.public_key)
    if as_json:
        output.print_json({"bundle": bundle_id, "signed_by": signed_by, "by": by, "reason": reason})
    else:
        typer.echo(f"{bundle_id} is signed by {signed_by}.")


@app.command("list")
def list_(home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the keys whose bundles are used, and those whose are no more."""
    from movie_mlops.cli import door, output

    output.print_rows([_row(key) for key in door.keys(home).trust.listed()], as_json=as_json)


@app.command()
@audited("models.keys.new")
def new(home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Make the signing key, or a new one in its place; what the one before signed stays readable."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import key_id

    signer, retired = door.keys(home).renew()
    before = None if retired is None else retired.key_id
    if as_json:
        output.print_json({"key": key_id(signer.public_key), "file": str(signer.made), "retired": before})
    else:
        typer.echo(f"The key {key_id(signer.public_key)} signs from now on ({signer.made}).")
        if before:
            typer.echo(f"The key {before} is retired: it signs no more, and what it signed stays readable.")


@app.command()
@audited("models.keys.trust", on="key")
def trust(
    key: Annotated[str, typer.Argument(metavar="PUBLIC_KEY", help="64 hex digits, or a file with a public key.")],
    note: Annotated[str, typer.Option("--note", help="Whose it is.")],
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Use bundles that somebody else signed, such as those of the machine that trains."""
    from movie_mlops.release import Standing

    given = _read_public_key(Path(key)) if Path(key).is_file() else key.lower()
    _put(home, given, Standing.TRUSTED, note, as_json=as_json)


@app.command()
@audited("models.keys.retire", on="key")
def retire(key: Key, note: Note = "", home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Let a key sign no more; what it signed stays readable."""
    from movie_mlops.cli import door
    from movie_mlops.release import Standing

    public_key = door.keys(home).trust.named(key).public_key
    _put(home, public_key, Standing.RETIRED, note or "retired by hand", as_json=as_json)


@app.command()
@audited("models.keys.revoke", on="key")
def revoke(key: Key, note: Note, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Believe a key no more: whatever it signed is refused from now on, everywhere this list is read."""
    from movie_mlops.cli import door
    from movie_mlops.release import Standing

    _put(home, door.keys(home).trust.named(key).public_key, Standing.REVOKED, note, as_json=as_json)


def _put(home: Path | None, public_key: str, standing: str, note: str, *, as_json: bool) -> None:
    from movie_mlops.cli import door, output
    from movie_mlops.release import Standing

    put = door.keys(home).trust.put(public_key, Standing(standing), note)
    if as_json:
        output.print_json(_row(put))
    else:
        typer.echo(f"The key {put.key_id} is {put.standing}.")


def _row(key: "TrustedKey") -> dict[str, str]:
    from movie_mlops.core.clock import to_iso

    return {
        "key": key.key_id,
        "standing": key.standing.value,
        "since": to_iso(key.since),
        "note": key.note,
        "public_key": key.public_key,
    }


def _read_public_key(path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    from movie_mlops.release import KeyRefusedError

    raw = path.read_bytes()[:4096].strip()
    if not raw.startswith(b"-----"):
        return raw.decode("ascii", "replace").lower()
    try:
        key = load_pem_public_key(raw)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefusedError(
            f"{path} holds no Ed25519 public key.",
            next_step="Make one with: openssl pkey -in PRIVATE -pubout, of a key that 'openssl genpkey -algorithm"
            " ed25519' made.",
        )
    return key.public_bytes_raw().hex()
