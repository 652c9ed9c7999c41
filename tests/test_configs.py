"""Configurations that build on others, and short class names in them."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest
import yaml

import kfzoo.data.sources
import kfzoo.short_names
from kfzoo.configs import read_config
from kfzoo.errors import InputError
from tests.commandline import CLIPS, CONFIGS, EVALUATORS, ROOT, run

MEAN = ROOT / "configs" / "mean_face" / "builtin.yaml"


def write(folder: Path, **files: str) -> Path:
    """Writes configurations and returns the last one."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        first="a: {x: 1, y: [1, 2], z: {deep: 1e-3}}\nb: 1",
        second="base: first.yaml\na: {x: 2}\nc: '1e3'",
        third="a: {y: [3]}\nb: ${c}",
        last="base: [second.yaml, third.yaml]\na: {z: {deep: null, more: true}}",
    )
    assert read_config(path) == {
        "a": {"x": 2, "y": [3], "z": {"deep": None, "more": True}},
        "b": "${c}",
        "c": "1e3",
    }
    assert read_config(tmp_path / "first.yaml")["a"]["z"]["deep"] == 0.001


def test_another_class_drops_the_arguments_of_the_first(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        below="same: {class_path: A, init_args: {x: 1}}\nother: {class_path: A, init_args: {x: 1}}",
        above="base: below.yaml\nsame: {class_path: package.A, init_args: {y: 2}}\nother: {class_path: B}",
    )
    assert read_config(path) == {
        "same": {"class_path": "package.A", "init_args": {"x": 1, "y": 2}},
        "other": {"class_path": "B"},
    }


BILLION = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "\n".join(
    f"a{level + 1}: &a{level + 1} [{', '.join([f'*a{level}'] * 9)}]" for level in range(8)
)
"""Nine to the power of nine values, by references."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: nowhere.yaml", "a.yaml: key 'base' names 'nowhere.yaml', which is no file; paths start at "),
        ("base: a.yaml", "a.yaml: key 'base' names 'a.yaml', which is built on this file; remove one of the two"),
        ("base: b.yaml", "b.yaml: key 'base' names 'a.yaml', which is built on this file; remove one of the two"),
        ("base: {x: 1}", "a.yaml: key 'base' is {'x': 1}; expected the path of a file, or a list of paths"),
        ("base: [b.yaml, 3]", "a.yaml: key 'base' is ['b.yaml', 3]; expected the path of a file, or a list of paths"),
        ("- 1", "a.yaml: holds no mapping of keys to values; see configs/ for an example"),
        ("a: {b: 1", "a.yaml: cannot be read (while parsing a flow mapping"),
        ("a: " + "[" * 100 + "]" * 100, "a.yaml: cannot be read (its values are nested more than 60 deep)"),
        ("a: " + "[" * 5000 + "]" * 5000, "a.yaml: cannot be read ("),
        ("a: &x [*x]", "a.yaml: cannot be read (a value holds itself)"),
        (BILLION, "a.yaml: holds more than 100,000 values, by references too; see configs/ for an example"),
        ("1: 2", "a.yaml: holds no mapping of keys to values"),
    ],
)
def test_errors_name_the_file_and_the_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_config(write(tmp_path, b="base: a.yaml", a=text))
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_the_command_line_merges_bases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        tmp_path,
        mine=f"base: {MEAN}\ndata: {{init_args: {{source: {{class_path: LiveLinkTakes, init_args: {{fps: 3e0}}}}}}}}\n"
        "run_dir: ${data.init_args.source.init_args.folder}/run",
    )
    own = ["--data.init_args.source.init_args.folder", "takes", "--model", "NearestNeighbour"]
    with pytest.raises(SystemExit) as stopped:
        run("fit", "--config", path, *own, "--print_config")
    assert stopped.value.code == 0
    values = yaml.safe_load(capsys.readouterr().out)
    assert values["run_dir"] == "takes/run"
    assert values["trainer"]["max_epochs"] == 1
    assert values["model"]["class_path"] == "kfzoo.models.NearestNeighbour"
    source = values["data"]["init_args"]["source"]
    assert source["class_path"] == "kfzoo.data.sources.live_link.LiveLinkTakes"
    assert source["init_args"].items() >= {"folder": "takes", "pick": "fps", "fps": 3.0}.items()
    assert "n" not in source["init_args"]  # of the class before


def test_every_source_has_a_short_name() -> None:
    found = {module.name for module in pkgutil.iter_modules(kfzoo.data.sources.__path__)}
    places = [getattr(value, "__module__", "") for value in vars(kfzoo.short_names).values()]
    named = {place.split(".")[3] for place in places if place.startswith("kfzoo.data.sources.")}
    assert found - named == {"base", "image_labels"}


@pytest.mark.parametrize("config", [*CONFIGS, *CLIPS, *EVALUATORS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_configs_use_short_names(config: Path) -> None:
    assert "class_path: kfzoo" not in config.read_text()
