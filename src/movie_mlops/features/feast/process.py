"""Our side of the protocol with Feast in an environment of its own; ``worker.py`` says what goes over the wire."""

import json
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Any, Final, Self

from movie_mlops.features.feast.config import FeastConfig
from movie_mlops.features.feast.errors import FeastError

_WORKER: Final = Path(__file__).with_name("worker.py")
_SHOWN: Final = 2_000


class FeastProcess:
    """A process that has Feast and one repository; started with the first request, ended with :meth:`close`.

    Args:
        folder: The repository.
        config: Where Feast is.
    """

    def __init__(self, folder: Path, config: FeastConfig) -> None:
        self._folder = folder
        self._config = config
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            FeastError: There is no Feast, it refuses, it ends, or it takes too long.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        # A process that is killed answers with the end of the file.
        timer = Timer(self._config.patience_seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise self._ended(process)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FeastError(
                f"Feast refuses to {request['do']}: {answer['error']}",
                next_step=f"Look into the repository {self._folder}.",
            )
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        if self._said is not None:
            self._said.close()
            self._said = None

    def _start(self) -> subprocess.Popen[str]:
        python = self._config.python
        if not python.is_file():
            raise FeastError(
                f"There is no Python with Feast at {python}.", next_step="Make one with: scripts/setup/setup_feast.sh"
            )
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - close() does it
        self._process = subprocess.Popen(  # noqa: S603 - the Python that the configuration names
            [str(python.absolute()), str(_WORKER), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            encoding="utf-8",
        )
        return self._process

    def _ended(self, process: subprocess.Popen[str]) -> FeastError:
        code = process.wait()
        assert self._said is not None
        self._said.seek(0)
        said = self._said.read()[-_SHOWN:].strip() or "nothing"
        # The next request starts another one.
        self.close()
        return FeastError(
            f"Feast's process ended with {code}; it had {self._config.patience_seconds:g} s. It said last: {said}",
            next_step="Make its environment again with: scripts/setup/setup_feast.sh",
        )
