"""Settings and configuration files."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from movie_mlops.cli import door
from movie_mlops.core.errors import ConfigurationError, MovieMlopsError
from movie_mlops.flows import PlatformConfig
from movie_mlops.lake import S3Config
from movie_mlops.release import GateConfig
from movie_mlops.release.rollout import RolloutConfig
from movie_mlops.security import SecurityConfig
from movie_mlops.settings import (
    read_gates,
    read_platform_config,
    read_proxy,
    read_rollout,
    read_settings,
    read_sources,
)
from tests.conftest import REPOSITORY


def test_the_shipped_configuration_shows_every_default() -> None:
    """``config/platform.yaml``, ``gates.yaml`` and ``rollout.yaml`` are complete and say what the code does without."""
    written = yaml.safe_load((REPOSITORY / "config" / "platform.yaml").read_text())
    assert written == PlatformConfig().model_dump(mode="json")
    assert read_platform_config(REPOSITORY / "config" / "platform.yaml") == PlatformConfig()
    assert read_sources(REPOSITORY / "config" / "sources.yaml") == {}
    gates = yaml.safe_load((REPOSITORY / "config" / "gates.yaml").read_text())
    assert gates == TypeAdapter(GateConfig).dump_python(GateConfig(), mode="json")
    assert read_gates(REPOSITORY / "config" / "gates.yaml") == GateConfig()
    rollout = yaml.safe_load((REPOSITORY / "config" / "rollout.yaml").read_text())
    assert rollout == TypeAdapter(RolloutConfig).dump_python(RolloutConfig(), mode="json")
    assert read_rollout(REPOSITORY / "config" / "rollout.yaml") == RolloutConfig()
    security = yaml.safe_load((REPOSITORY / "config" / "security.yaml").read_text())
    assert security == SecurityConfig().model_dump(mode="json")


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    """A project without a configuration gets one that works."""
    assert read_platform_config(tmp_path / "absent.yaml") == PlatformConfig()
    assert read_gates(tmp_path / "absent.yaml") == GateConfig()
    assert read_rollout(tmp_path / "absent.yaml") == RolloutConfig()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gate: {metric: ndcg@10}", "the unknown setting gate."),
        ("time_split: {fraction: 0.1}", "time_split.fraction. Known are test_share, new_users."),
        ("protocl: time", "protocl"),
        ("protocol: tomorrow", "protocol"),
        ("recipes: [{name: a, model: ease}, {name: a, model: ials}]", "two recipes have the same name"),
        ("recipes: [", "line 1 is not YAML"),
        ("recipes: []", "no recipe is called 'popular'"),
        ("recipes: [{name: ease, model: ease}]", "no recipe is called 'popular'"),
        ("baselines: []", "without one nothing can be judged"),
        ("recipes: [{name: ease, model: eese}]", "the recipe 'ease': There is no recommender named 'eese'"),
        ("recipes: [{name: ease, model: ease, params: {regularisatoin: 3}}]", "Did you mean 'regularisation'?"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """A misspelt, wrong or broken setting is named, with the nearest right one."""
    path = tmp_path / "platform.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_platform_config(path)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("metrc: ndcg@10", "metrc. Did you mean 'metric'?"),
        ("segments: {max_dorp: 0.1}", "segments.max_dorp. Did you mean 'max_drop'?"),
        ("behaviour: {tests: [{name: a, kind: like-twice, tolerate: 0}]}", "behaviour.tests.0.tolerate."),
        ("robustness: {attacks: [love]}", "robustness.attacks.0"),
        ("lists: {max_coverage_drop: 3}", "lists.max_coverage_drop is 3, which is no share"),
        ("metric: [", "line 1 is not YAML"),
    ],
)
def test_a_gate_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """A misspelt, wrong or broken setting of ``config/gates.yaml`` is named, with the nearest right one."""
    path = tmp_path / "gates.yaml"
    path.write_text(text)
    with pytest.raises(MovieMlopsError) as refused:
        read_gates(path)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("canary: {stages: [0.5, 0.1]}", "do not ascend between 0 and 1"),
        ("canary: {stage: [0.5]}", "Did you mean 'stages'?"),
        ("canary: {guards: {weather: 0.1}}", "Nothing called 'weather' is measured"),
        ("canary: {silence_seconds: .inf}", "silence_seconds is inf"),
        ("canary: {false_alarms: 0}", "false_alarms is 0"),
        ("exploration: {budget: 1.5}", "exploration.budget is 1.5"),
        ("exploration: {depth: 0}", "depth is 0"),
    ],
)
def test_a_rollout_that_cannot_be_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """What ``config/rollout.yaml`` says wrongly is named, in a sentence."""
    path = tmp_path / "rollout.yaml"
    path.write_text(text)
    with pytest.raises(MovieMlopsError) as refused:
        read_rollout(path)
    assert told in str(refused.value)


def test_the_gate_judges_what_is_measured() -> None:
    """A metric that the evaluation does not take is refused before anything runs."""
    with pytest.raises(ConfigurationError, match="metric is 'ndcg@20', but measured are ndcg@10, "):
        PlatformConfig().judging(GateConfig(metric="ndcg@20"))


def test_a_source_of_ones_own_has_a_name(tmp_path: Path) -> None:
    """``config/sources.yaml`` gives a source, its columns and its scale a name."""
    path = tmp_path / "sources.yaml"
    path.write_text("shop: {source: 'file:r.csv', columns: {user_id: who}, scale: [1, 10]}")
    shop = read_sources(path)["shop"]
    assert (shop.source, shop.columns, shop.scale) == ("file:r.csv", {"user_id": "who"}, (1.0, 10.0))


def test_the_environment_goes_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``.env`` is read, and a variable of the environment wins over it; a wrong value is named."""
    (tmp_path / ".env").write_text("MOVIE_MLOPS_PORT=8100\nMOVIE_MLOPS_HOST=127.0.0.2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_HOST", "127.0.0.3")
    assert (read_settings().port, read_settings().host) == (8100, "127.0.0.3")
    monkeypatch.setenv("MOVIE_MLOPS_PORT", "many")
    with pytest.raises(ConfigurationError, match="MOVIE_MLOPS_PORT"):
        read_settings()


def test_secrets_are_made_up_but_not_the_keys_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-up fills our own secrets with random values, leaves the key of a service empty, and changes nothing twice."""
    (tmp_path / "scripts" / "setup").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".env.template", tmp_path)
    script = shutil.copy(REPOSITORY / "scripts" / "setup" / "setup_secrets.sh", tmp_path / "scripts" / "setup")
    subprocess.run(["bash", script], check=True)
    first = (tmp_path / ".env").read_text()
    lines = dict(line.split("=", 1) for line in first.splitlines())
    assert len(lines["MOVIE_MLOPS_ADMIN_TOKEN"]) == 64
    assert lines["MOVIE_MLOPS_TMDB_KEY"] == '""'
    subprocess.run(["bash", script], check=True)
    assert (tmp_path / ".env").read_text() == first
    monkeypatch.chdir(tmp_path)
    settings = read_settings()
    assert settings.tmdb_key is not None
    assert settings.tmdb_key.get_secret_value() == ""
    assert settings.admin_token is not None
    assert lines["MOVIE_MLOPS_ADMIN_TOKEN"] not in repr(settings)


def test_a_proxy_is_taken_from_the_environment_where_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's proxy is used for the addresses that it is for."""
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert read_proxy("https://api.themoviedb.org/3") == "http://proxy.example:3128"
    assert read_proxy("https://127.0.0.1:8443/3") is None


def test_keys_of_the_storage_are_read_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake's place and keys come from the environment; no text that settings or configuration give holds a key."""
    monkeypatch.chdir(tmp_path)
    told = {"LAKE": "s3://b/x", "S3_ACCESS_KEY_ID": "AKIA-a-canary", "S3_SECRET_ACCESS_KEY": "the-other-canary"}
    for name, value in told.items():
        monkeypatch.setenv(f"MOVIE_MLOPS_{name}", value)
    settings = read_settings()
    lakes = door.lakes(settings)
    assert str(lakes.of("sample").root) == "s3://b/x/sample"
    assert lakes.s3.secret_access_key is not None
    assert lakes.s3.secret_access_key.get_secret_value() == "the-other-canary"
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {lakes!r} {lakes.s3}"
    assert "canary" not in shown


def test_no_place_for_the_lakes_means_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty lines of ``.env`` are no settings: the lakes are in the home, and nobody asks S3 for anything."""
    monkeypatch.chdir(tmp_path)
    for name in ("LAKE", "S3_ENDPOINT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"MOVIE_MLOPS_{name}", "")
    lakes = door.lakes(read_settings())
    assert (lakes.of("sample").root, lakes.s3) == (Path("data/lake/sample"), S3Config())
