"""The clients, and the documents' own examples, against the running server."""

import asyncio
import json
import os
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from movie_mlops.client import ApiError, AsyncClient, Client, NotFoundError
from movie_mlops.flows.serve import describe
from tests.fixtures.stage_5.platform import FILMS, Platform

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "05-model-serving" / "5.3-api-implementation.md"
TYPESCRIPT = REPOSITORY / "src" / "typescript-client"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    platform = Platform(tmp_path_factory.mktemp("platform"), [replace(film, runtime_minutes=100) for film in FILMS])
    platform.promote(platform.train())
    with platform.served() as url:
        yield url
    platform.database.close()


def test_the_python_client_does_everything_once(url: str) -> None:
    """What is sent counts in the next answer; lists, pages, groups, candidates, search and passports come as typed."""
    with Client(url) as client:
        assert client.send({"user_id": "ann/1", "movie_id": 6, "kind": "like"})["accepted"] == 1
        answer = client.recommend("ann/1", k=2, boosts=[{"genre": "Crime", "by": 0.5}], diversity=0.1)
        assert (answer["source"], answer["user_id"]) == ("personalised", "ann/1")
        assert answer["items"][0]["reason"] is not None
        listed = client.recommend_for([{"movie_id": 6}], k=2, exclude=[47])
        assert 47 not in [item["movie_id"] for item in listed["items"]]
        films = [item["movie_id"] for page in client.pages("ann/1", k=2) for item in page["items"]]
        assert len(films) == len(set(films)) == 7
        group = client.recommend_group([{"user_id": "ann/1"}, {"history": [{"movie_id": 260}]}], "fairness", k=2)
        assert len(group["items"][0]["fits"]) == 2
        assert client.rerank({"user_id": "ann/1"}, [2, 47])["items"][0]["movie_id"] == 47
        assert client.history("ann/1")["items"][0]["movie_id"] == 6
        assert client.search("toy stroy", languages=["en"])["corrected"] == "toy story"
        assert client.similar(6, k=1, exclude=[47])["items"][0]["movie_id"] == 50
        assert client.movie(6)["title"] == "Heat"
        assert "Crime" in client.genres()["genres"]
        passport = client.passport(answer["recommendation_id"])
        assert passport["recommendation"]["user_id"] == "ann/1"


def test_the_python_client_raises_what_the_server_says(url: str) -> None:
    """A refusal is an error with the server's own sentence."""
    with Client(url) as client:
        with pytest.raises(NotFoundError, match="There is no film with the id '7'"):
            client.movie(7)
        with pytest.raises(ApiError, match="cursor cannot be read") as refused:
            client.recommend("ann", cursor="nonsense")
        assert refused.value.type == "urn:movie-mlops:problem:bad-request"


def test_the_awaited_client_asks_side_by_side(url: str) -> None:
    """Many requests at once over one asynchronous client all get their own answer."""

    async def ask() -> list[str | None]:
        async with AsyncClient(url) as client:
            answers = await asyncio.gather(*(client.recommend(f"user{i}", k=1) for i in range(20)))
            return [answer["user_id"] for answer in answers]

    assert asyncio.run(ask()) == [f"user{i}" for i in range(20)]


def test_a_cancelled_request_never_gets_anothers_answer(url: str) -> None:
    """Promise P14: whoever gives up leaves no answer behind that the next one would take for theirs.

    Over one client against a server that answers late; and against the real one, whose callers hang up without reading.
    """

    async def late() -> list[str]:
        asked, given_up_is_answered = asyncio.Event(), asyncio.Event()
        lines: list[asyncio.StreamWriter] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            lines.append(writer)
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                user = line.split()[1].decode().split("/")[3]
                asked.set()
                if user == "given-up":
                    await given_up_is_answered.wait()
                body = json.dumps({"user_id": user, "items": []}).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with AsyncClient(f"http://127.0.0.1:{port}") as client:
                given_up = asyncio.create_task(client.recommend("given-up"))
                await asyncio.wait_for(asked.wait(), 30)
                given_up.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await given_up
                given_up_is_answered.set()
                told = [str((await client.recommend(f"next-{number}"))["user_id"]) for number in range(5)]
            for line in lines:
                line.close()
                with suppress(ConnectionError):
                    await line.wait_closed()
        return told

    assert asyncio.run(late()) == [f"next-{number}" for number in range(5)]
    host, _, port = url.removeprefix("http://").partition(":")
    with Client(url) as client:
        for number in range(20):
            with socket.create_connection((host, int(port)), timeout=30) as line:
                # Gone before an answer can be read, and reset rather than closed.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                wanted = f"GET /v1/users/gone-{number}/recommendations?k=1 HTTP/1.1\r\nHost: {host}\r\n\r\n"
                line.sendall(wanted.encode())
            assert client.recommend(f"here-{number}", k=1)["user_id"] == f"here-{number}"


def test_the_documents_curl_examples_work(url: str) -> None:
    """Every curl command of the document is run as it stands, and is answered with JSON that holds films or events."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    commands = [one for block in blocks for one in re.split(r"(?<!\\)\n", block) if one.startswith("curl ")]
    assert len(commands) >= 8
    script = "\n".join(f"{command}\necho" for command in commands).replace("http://127.0.0.1:8000", url)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert len(answers) == len(commands)
    assert all(answer.get("items") or answer.get("accepted") for answer in answers)


def test_the_typescript_types_are_those_of_the_api() -> None:
    """The committed description is what the API says of itself, and the committed types were made from it."""
    written = (TYPESCRIPT / "openapi.json").read_bytes()
    committed, described = json.loads(written), describe()
    committed["info"].pop("version")
    described["info"].pop("version")
    assert committed == described, "run scripts/setup/setup_typescript_client.sh --generate"
    first = (TYPESCRIPT / "schema.d.ts").read_text(encoding="utf-8").partition("\n")[0]
    assert sha256(written).hexdigest() in first, "run scripts/setup/setup_typescript_client.sh --generate"


PROGRAM = """
import { ApiError, createClient, pages } from "./dist/client.js";

const url = process.argv[2];
const waits = [];
let refuse = 2;
const client = createClient({
  url,
  firstWaitMs: 1,
  fetch: async (request) => {
    if (refuse-- > 0) { waits.push(1); return new Response("", { status: 503, headers: { "retry-after": "0" } }); }
    return fetch(request);
  },
});
const { data } = await client.POST("/v1/recommendations", {
  body: { history: [{ movie_id: 6, kind: "like" }], k: 2, pins: [260] },
});
const seen = [];
for await (const page of pages(client, "a/b", { k: 3 })) seen.push(...page.items.map((item) => item.movie_id));
const refused = await client.GET("/v1/movies/{movie_id}", { params: { path: { movie_id: "7" } } })
  .catch((error) => error);
const away = createClient({ url: "http://127.0.0.1:9", firstWaitMs: 1, tries: 2 });
const unanswered = await away.GET("/v1/genres").catch((error) => error.name);
console.log(JSON.stringify({
  first: data.items[0].movie_id, waits: waits.length, seen,
  refused: [refused instanceof ApiError, refused.status, refused.message, refused.problem.near], unanswered,
}));
"""


def test_the_typescript_client_talks_to_the_server(url: str) -> None:
    """The TypeScript client asks a busy server again, pages without repeats, and turns problems into errors."""
    if shutil.which("node") is None or not (TYPESCRIPT / "dist" / "client.js").is_file():
        reason = "the TypeScript client is not built: run scripts/setup/setup_typescript_client.sh"
        if os.environ.get("CI") == "true":  # noqa: TID251
            pytest.fail(reason)
        pytest.skip(reason)
    words = ["node", "--input-type=module", "-", url]
    done = subprocess.run(words, input=PROGRAM, cwd=TYPESCRIPT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["first"], told["waits"]) == (260, 2)
    assert len(told["seen"]) == len(set(told["seen"])) == 9
    is_ours, status, message, near = told["refused"]
    assert (is_ours, status, near) == (True, 404, [])
    assert message.startswith("There is no film with the id '7'.")
    assert told["unanswered"] == "TypeError"
