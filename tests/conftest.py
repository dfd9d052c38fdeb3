"""What every kind of test shares."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the project; a test that asks for it is skipped where it is absent."""
    for folder in (REPOSITORY.parent / "shared" / "data", REPOSITORY.parent.parent / "shared" / "data"):
        if folder.is_dir():
            return folder
    pytest.skip("the development data (../shared/data) is not beside this checkout")
