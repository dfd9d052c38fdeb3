"""Where the standard says that a path should live."""

import pytest

from movie_mlops.standard.loading import load_spec

SPEC = load_spec(None)


@pytest.mark.parametrize(
    ("path", "verdict", "target"),
    [
        ("tests/unit/test_3_1_git_config.py", "right", None),
        ("Dockerfile.dev", "right", None),
        ("scripts/deploy/rollback.sh", "right", None),
        ("tests/e2e/test_9_x_event_workflow.py", "right", None),
        ("docs/03-version-control/testing/3.1-git-workflow-testing.ko.md", "right", None),
        ("README.ko.md", "right", None),
        ("src/package/test_data.py", "open", None),
        ("notebooks/first look.ipynb", "open", None),
        ("run-tests.sh", "misnamed", "run_tests.sh"),
        ("docker-compose.yml", "misplaced", "docker/docker-compose.main.yml"),
        ("docker/docker-compose.stage_2.yaml", "misnamed", "docker/docker-compose.stage-2.yml"),
        ("deploy/docker-compose.monitoring.yml", "misplaced", "docker/docker-compose.monitoring.yml"),
        ("Dockerfile.api", "misplaced", "docker/dockerfiles/Dockerfile.api"),
        ("setup-docker network.sh", "misplaced", "scripts/setup/setup_docker_network.sh"),
        ("scripts/monitoring/setup_more.sh", "misplaced", "scripts/setup/setup_more.sh"),
        ("check_health.sh", "misplaced", "scripts/monitoring/check_health.sh"),
        ("run_1_1_tests.sh", "misplaced", "scripts/test/run_1_1_tests.sh"),
        ("tests/test_3_1_complete_workflow.py", "misplaced", "tests/e2e/test_3_1_complete_workflow.py"),
        ("integration_tests/test_3_1_docker.py", "misplaced", "tests/integration/test_3_1_docker.py"),
        ("tests/unit/deep/test_3_1_git.py", "misplaced", "tests/unit/test_3_1_git.py"),
        ("docs/3.1_git_workflow_testing.md", "misplaced", "docs/03-version-control/3.1-git-workflow-testing.md"),
        ("docs/api.png", "misplaced", "docs/assets/images/api.png"),
        ("tests/unit/rows.json", "misplaced", "tests/fixtures/common/rows.json"),
    ],
)
def test_a_path_is_placed(path, verdict, target):
    """What is right stays, what is clear has one target."""
    placement = SPEC.place(path)
    assert (placement.verdict, placement.target) == (verdict, target)


@pytest.mark.parametrize(
    ("path", "alternatives"),
    [
        ("test_3_1_git.py", {"tests/unit/test_3_1_git.py", "tests/integration/test_3_1_git.py"}),
        ("tests/unit/test_contracts.py", {"tests/unit/test_1_2_contracts.py"}),
        ("tests/unit/test_odd.py", {"tests/unit/test_<stage>_<substage>_odd.py"}),
        ("Dockerfile", {"docker/dockerfiles/Dockerfile.<role>"}),
        ("docs/notes.md", {"docs/<stage_folder>/notes-guide.md"}),
        (
            "backup_films.sh",
            {f"scripts/{word}/backup_films.sh" for word in ("test", "deploy", "monitoring", "security")},
        ),
    ],
)
def test_what_is_unclear_is_listed_and_never_guessed(path, alternatives):
    """A path that may belong in several places has no target, but all of its places."""
    placement = SPEC.place(path)
    assert placement.target is None
    assert placement.confidence == "ambiguous"
    assert set(placement.alternatives) == alternatives


def test_every_kind_places_its_own_example():
    """The example of each kind is right where it lies."""
    for kind in SPEC.kinds.values():
        assert SPEC.place(kind.example).verdict in {"right", "open"}, kind.id
