"""MLflow's model serving with one worker: ``python mlflow_models.py FOLDER PORT``.

The model is saved as MLflow wants it, then this process becomes ``mlflow models serve``.
"""

import os
import sys
from pathlib import Path
from typing import Any

from mlflow.pyfunc import PythonModel, save_model  # type: ignore[attr-defined]  # both are in its documents
from scoring import Scoring


class Model(PythonModel):
    """The scoring as MLflow calls it."""

    def load_context(self, context: Any) -> None:
        """Read the films' vectors."""
        self._scoring = Scoring(context.artifacts["folder"])

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[list[int]]:  # noqa: ARG002
        """Return a list of films for each list of liked ones."""
        return [self._scoring.best(list(map(int, movie_ids))) for movie_ids in model_input]


def main(folder: str, port: str) -> None:
    """Save and serve."""
    model = Path(folder) / "mlflow-model"
    here = str(Path(__file__).with_name("scoring.py"))
    if not model.is_dir():
        save_model(
            str(model),
            python_model=Model(),
            artifacts={"folder": folder},
            code_paths=[here],
            pip_requirements=["numpy"],
        )
    mlflow_command = str(Path(sys.executable).with_name("mlflow"))
    serve = ["models", "serve", "-m", str(model), "-h", "127.0.0.1", "-p", port, "--env-manager", "local", "-w", "1"]
    # uvicorn would write a line for each request; the other servers are told not to as well.
    quiet = {**os.environ, "UVICORN_ACCESS_LOG": "0", "UVICORN_LOG_LEVEL": "warning"}  # noqa: TID251 - handed on
    os.execve(sys.executable, [sys.executable, mlflow_command, *serve], quiet)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
