"""What other projects use: the pre-commit hooks and the GitHub Action call commands that exist."""

import shlex
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import yaml

from movie_mlops.cli.standard import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def test_every_hook_is_a_command_that_exists():
    """Each hook's entry is read by the command's own parser, and no hook is handed file names."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [hook["id"] for hook in hooks] == ["standard", "standard-all", "standard-branch"]
    for hook in hooks:
        program, group, command, *options = shlex.split(hook["entry"])
        assert (program, group) == ("movie-mlops", "standard")
        assert command in COMMANDS
        parser = ArgumentParser()
        import_module(f"movie_mlops.cli.standard.{command}").configure(parser)
        parser.parse_args(options)
        assert hook["pass_filenames"] is False


def test_the_action_hands_its_inputs_over_as_data():
    """Every input reaches the shell through the environment, never as text in the script."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    (step,) = action["runs"]["steps"]
    assert "${{" not in step["run"]
    handed = {value for value in step["env"].values() if "inputs." in value}
    assert handed == {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
