"""The folder of a run: the paths of its files, and whether a run may be resumed in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kfzoo.errors import InputError
from kfzoo.files import replacing

if TYPE_CHECKING:
    from kfzoo.data.keyframe_datamodule import KeyframeDataModule

WHAT_MAKES_A_RUN = ("model", "data", "seed_everything")
"""Settings that must not change between the starts of one run; the others (epochs, devices, logging) may."""


class RunFolder:
    """The files of one run.

    Args:
        path: The folder, `run_dir` in a configuration.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.best = self.path / "best.ckpt"
        self.last = self.path / "last.ckpt"
        self.split = self.path / "split.json"
        self.results = self.path / "results.json"
        self.evaluator = self.path / "evaluator.json"
        self.faces = self.path / "faces.png"
        self.predictions = self.path / "predictions.jsonl"
        self.curves = self.path / "motion.png"
        self.clips = self.path / "predictions"

    def begin(self, config: Mapping[str, Any]) -> None:
        """Opens the folder for training; a run that is there resumes from its last checkpoint.

        Args:
            config: The resolved configuration, plain values.

        Raises:
            InputError: When the folder holds a run of other settings, which would be lost.
        """
        if self.last.is_file():
            self._same_as(config)
        with replacing(self.config) as temporary:
            temporary.write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), encoding="utf-8")

    def keep_split(self, record: Mapping[str, Any]) -> None:
        """Writes which subjects or recordings are in which part."""
        with replacing(self.split) as temporary:
            temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _same_as(self, config: Mapping[str, Any]) -> None:
        try:
            before = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise InputError(self.config, "cannot be read", "give another --run_dir") from error
        for key in WHAT_MAKES_A_RUN:
            for place, old, new in _differences(before.get(key), config.get(key), key):
                raise InputError(
                    self.path,
                    f"holds a run with other settings ({place}: {old} there, {new} now)",
                    "give another --run_dir, or remove the folder to start again",
                )

    def checkpoint(self) -> Path:
        """Returns the checkpoint that was chosen on validation.

        Raises:
            InputError: When nothing was trained here yet.
        """
        for path in (self.best, self.last):
            if path.is_file():
                return path
        raise InputError(self.path, "holds no checkpoint", "run `fit` with this configuration, or give --ckpt_path")

    def data(self) -> KeyframeDataModule:
        """Builds the data module that the run was trained with; see `read_data`."""
        return read_data(self.config)


def read_data(path: Path, folder: str = "") -> KeyframeDataModule:
    """Builds the data module of a configuration.

    Args:
        path: A configuration (YAML) with a `data` section.
        folder: Replaces the `folder` of its source.

    Raises:
        InputError: When the configuration is missing or damaged, or its data are not keyframes.
    """
    import kfzoo.short_names  # noqa: F401  so that the configuration can use them
    from kfzoo.configs import read_config
    from kfzoo.data.keyframe_datamodule import KeyframeDataModule
    from kfzoo.environment_references import with_environment
    from kfzoo.parsing import CommandParser

    parser = CommandParser()
    parser.add_subclass_arguments(KeyframeDataModule, "data")
    try:
        section = with_environment(path, read_config(path)["data"])
        source = section["init_args"]["source"]
    except (KeyError, TypeError):
        raise InputError(path, "holds no `data` section with a source", "see configs/ for one that does") from None
    if folder:
        source.setdefault("init_args", {})["folder"] = folder
    try:
        built = parser.instantiate(parser.parse_object({"data": section}))
    except InputError as error:
        raise InputError(path, str(error)) from error
    data: KeyframeDataModule = built.data
    return data


def _differences(before: Any, now: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from _differences(before.get(key), now.get(key), f"{place}.{key}")
    elif before != now:
        yield place, before, now
