"""Tokens of an identity provider: what is taken, what is refused, and what becomes of its keys."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from movie_mlops.security import (
    CredentialsUnreadableError,
    How,
    KeyNeededError,
    OidcConfig,
    ProviderKeys,
    Role,
    Tokens,
    UnauthorisedError,
)
from tests.fixtures.stage_7.provider import AUDIENCE, Provider, curve, provider, rsa


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as found:
        yield found


@pytest.fixture
def idp(running: Provider) -> Provider:
    """The provider as it was at first."""
    running.keys, running.extra, running.asked, running.broken = {"one": rsa(1)}, [], 0, False
    running.calls_itself = running.url
    return running


def tokens_of(idp: Provider, **changes: Any) -> Tokens:
    config = OidcConfig.model_validate({"issuer": idp.url, "audience": AUDIENCE, **changes})
    tokens = Tokens(config, ProviderKeys(config))
    tokens.keys.refresh()
    return tokens


def pass_time(tokens: Tokens, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have some time go by for whoever looks how old keys are."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + seconds)


def test_a_token_is_taken_for_what_it_says(idp: Provider) -> None:
    """The subject, the roles that mean something here, and the viewer's user id; RSA and curves, also a list of aud."""
    idp.keys["two"] = curve()
    tokens = tokens_of(idp, user_claim="uid", roles_claim="realm.roles", roles={"boss": "operator", "p": "viewer"})
    found = tokens.find(idp.token(realm={"roles": ["boss", "p", "unknown"]}, uid="u7"))
    assert (found.name, found.how, found.user_id) == ("oidc:ann", How.TOKEN, "u7")
    assert found.roles == {Role.OPERATOR, Role.VIEWER}
    assert found.bound
    other = tokens.find(
        idp.token(curve(), kid="two", alg="ES256", realm={"roles": "p other"}, uid="u8", aud=["x", AUDIENCE])
    )
    assert (other.roles, other.user_id) == ({Role.VIEWER}, "u8")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "others"}, "somebody else"),
        ({"aud": ["others", "movie-mlops-2"]}, "somebody else"),
        ({"aud": None}, "somebody else"),
        ({"exp": None}, "has no end"),
        ({"exp": 1}, "has expired"),
        ({"exp": True}, "no time"),
        ({"exp": "never"}, "no time"),
        ({"exp": 1e400}, "no time"),
        ({"nbf": 4_000_000_000}, "does not hold yet"),
        ({"iat": 4_000_000_000}, "does not hold yet"),
        ({"sub": None}, "names nobody"),
        ({"sub": 7}, "names nobody"),
        ({"roles": None}, "no role"),
        ({"roles": ["admin"]}, "no role"),
        ({"roles": [["viewer"]]}, "no role"),
        ({"roles": {"viewer": True}}, "no role"),
    ],
)
def test_claims_that_do_not_hold_are_refused(idp: Provider, changes: dict[str, Any], why: str) -> None:
    """A claim for another place, person or time refuses the token; by default no word makes anybody an admin."""
    with pytest.raises(UnauthorisedError, match=why):
        tokens_of(idp).find(idp.token(**changes))


def test_clocks_may_differ_a_little(idp: Provider) -> None:
    """Within the leeway a token holds that has just ended or is about to begin."""
    now = int(time.time())
    tokens = tokens_of(idp, leeway_seconds=60)
    for changes in ({"exp": now - 20}, {"nbf": now + 20}, {"iat": now + 20}):
        assert tokens.find(idp.token(**changes)).user_id == "ann"
    for changes in ({"exp": now - 90}, {"nbf": now + 90}):
        with pytest.raises(UnauthorisedError):
            tokens.find(idp.token(**changes))


def written(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def shared(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign with a secret that both sides would have to know."""
    text = f"{written(header)}.{written(claims)}"
    code = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Sign with the provider's own key, whatever the header says."""
    text = f"{written(header)}.{written(claims)}"
    private = rsa(1).raw_value
    assert isinstance(private, RSAPrivateKey)
    code = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"


def test_forged_tokens_are_refused(idp: Provider) -> None:
    """No signature, a public key used as a secret, a key that the token brings along, another's key, a changed word."""
    idp.extra = [{"kty": "oct", "kid": "shared", "k": written("secret")}]
    tokens, good = tokens_of(idp), idp.token()
    assert tokens.find(signed({"alg": "RS256", "kid": "one"}, idp.claims(sub="ben"))).user_id == "ben"
    head, claims, signature = good.split(".")
    public = rsa(1).as_pem(private=False)
    own = RSAKey.generate_key(2048)
    brought = {"jwk": own.as_dict(private=False)}
    forged = [
        f"{written({'alg': 'none', 'kid': 'one'})}.{claims}.",
        f"{written({'alg': 'None', 'kid': 'one'})}.{claims}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{written(idp.claims(roles=['operator']))}.{signature}",
        shared({"alg": "HS256", "kid": "one"}, idp.claims(), public),
        shared({"alg": "HS256", "kid": "shared"}, idp.claims(), b"secret"),
        idp.token(own),
        idp.token(own, header=brought),
        idp.token(own, header={"jku": "http://127.0.0.1:1/keys"}),
        idp.token(header={"x5u": "http://127.0.0.1:1/cert"}),
        signed({"alg": "RS256", "kid": "one", "crit": ["exp"]}, idp.claims()),
        signed({"alg": "RS256", "kid": "one", "b64": False}, idp.claims()),
        idp.token(kid=None),
        idp.token(header={"kid": "../../one"}),
        idp.token(header={"kid": "one' OR 1=1 --"}),
        idp.token(header={"typ": "dpop+jwt"}),
        idp.token(rsa(1), alg="PS256"),
        good + "x" * 9000,
        f"{good}.{signature}",
        "..",
        "e30.e30.e30",
        f"{written([1])}.{claims}.{signature}",
        f"é{good}",
    ]
    assert tokens.find(good).user_id == "ann"
    for one in forged:
        with pytest.raises(UnauthorisedError):
            tokens.find(one)
    assert idp.asked == 1


def test_algorithms_with_a_shared_secret_cannot_be_configured() -> None:
    """Neither a symmetric algorithm nor none can be set, nor a provider that is reached without https."""
    for changes in (
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"issuer": "http://id.example.com"},
        {"jwks_url": "http://id.example.com/keys"},
        {"jwks_url": "file:///etc/passwd"},
    ):
        with pytest.raises(ValidationError):
            OidcConfig.model_validate({"issuer": "https://id.example.com", "audience": "a", **changes})


def test_new_keys_are_asked_for_and_old_ones_end(idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown key id has the provider asked again, at most every ten seconds; what it no longer has ends at once."""
    tokens = tokens_of(idp)
    first = idp.token()
    assert tokens.find(first).user_id == "ann"
    idp.keys = {"two": rsa(2)}
    second = idp.token(rsa(2), kid="two")
    with pytest.raises(UnauthorisedError, match="does not have"):
        tokens.find(second)
    pass_time(tokens, monkeypatch, 11)
    with pytest.raises(KeyNeededError):
        tokens.find(second)
    tokens.keys.refresh()
    assert tokens.find(second).user_id == "ann"
    for number in range(20):
        with pytest.raises(UnauthorisedError):
            tokens.find(idp.token(rsa(2), kid=f"made-up-{number}"))
        tokens.keys.refresh()
    assert idp.asked == 2
    with pytest.raises(UnauthorisedError):
        tokens.find(first)


def test_a_provider_that_is_away_is_outlived_for_a_while(idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said goes on until it is too old; then nobody is let in, and told that it is not their fault."""
    tokens = tokens_of(idp, stale_seconds=3600)
    idp.broken = True
    pass_time(tokens, monkeypatch, 3000)
    tokens.keys.refresh_if_old()
    assert tokens.find(idp.token()).user_id == "ann"
    pass_time(tokens, monkeypatch, 3605)
    tokens.keys.refresh()
    with pytest.raises(CredentialsUnreadableError):
        tokens.find(idp.token(sub="ben"))


def test_a_provider_that_calls_itself_otherwise_is_not_believed(idp: Provider) -> None:
    """The description must name the issuer that was configured, to the letter; secrets and weak keys in it are left."""
    idp.calls_itself = idp.url + "/"
    tokens = tokens_of(idp)
    with pytest.raises(CredentialsUnreadableError):
        tokens.find(idp.token())
    idp.calls_itself = idp.url
    idp.extra = [
        {**rsa(2).as_dict(private=False), "kid": "enc", "use": "enc"},
        {**rsa(2).as_dict(private=False), "kid": 7},
        "nonsense",
    ]
    tokens = tokens_of(idp)
    assert tokens.keys.find("one") is not None
    assert tokens.keys.find("enc") is None


def test_memory_of_tokens_has_an_end(idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was checked is not checked again for a minute, and of so many alone it is remembered."""
    monkeypatch.setattr("movie_mlops.security.tokens._REMEMBERED", 3)
    tokens = tokens_of(idp)
    given = [idp.token(sub=f"user-{number}") for number in range(5)]
    for one in given:
        tokens.find(one)
    assert len(tokens._known) == 3
    monkeypatch.setattr(tokens, "_claims", lambda _: pytest.fail("checked again"))
    assert tokens.find(given[-1]).user_id == "user-4"
