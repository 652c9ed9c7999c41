from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.published_checkpoint import Released, arguments_of, read_released, write_released

ARGUMENTS = {
    "arch": "trans_enc", "batch_size": 64, "cond_mask_prob": 0.1, "cond_mode": "text", "dataset": "express4d",
    "diffusion_steps": 1000, "latent_dim": 16, "layers": 2, "noise_schedule": "cosine", "sigma_small": True,
}  # fmt: skip
"""Some of what the published training writes."""


def tiny(seed: int = 0, **sizes: Any) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(**{"width": 16, "layers": 2, **sizes}).eval()


def statistics() -> Statistics:
    mean, std = torch.rand(2, 61, generator=torch.Generator().manual_seed(9))
    return Statistics(mean, std)


def published(
    folder: Path, change: Callable[[dict[str, Any]], Any] | None = None, with_statistics: bool = True, **arguments: Any
) -> Path:
    """Writes a checkpoint as the published training does: a state_dict whose trained entries are parameters."""
    folder.mkdir(exist_ok=True)
    denoiser = tiny()
    stored: Any = denoiser.state_dict() | dict(denoiser.named_parameters())
    if change:
        stored = change(stored) or stored
    torch.save(stored, folder / "model000012000.pt")
    (folder / "args.json").write_text(json.dumps(ARGUMENTS | arguments, indent=4, sort_keys=True))
    if with_statistics:
        found = statistics()
        np.save(folder / "mean.npy", found.mean.numpy().astype(np.float64))
        np.save(folder / "std.npy", found.std.numpy())
    return folder / "model000012000.pt"


def answer(denoiser: Denoiser) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, 61, generator=generator)
    text = torch.randn(2, denoiser.sizes["text"], generator=generator)
    with torch.no_grad():
        found: Tensor = denoiser(x, torch.tensor([4, 700]), text)
    return found


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    def raw(values: Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
        return values.dtype, values.shape, values.detach().numpy().tobytes()

    return found.keys() == expected.keys() and all(raw(found[name]) == raw(expected[name]) for name in expected)


def test_a_published_checkpoint_loads_whole(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        released = read_released(published(tmp_path))
    assert same(released.weights, tiny().state_dict())
    assert torch.equal(answer(released.denoiser()), answer(tiny()))
    assert not any(values.requires_grad for values in released.weights.values())
    assert (released.step, released.dropped, released.prediction) == (12_000, 0.1, "sample")
    assert released.averaged is None
    assert released.arguments == ARGUMENTS
    assert torch.equal(released.statistics.mean, statistics().mean)
    assert torch.equal(released.statistics.std, statistics().std)
    assert {released.statistics.mean.dtype, released.statistics.std.dtype} == {torch.float32}


def test_the_moving_average_is_kept_next_to_the_weights(tmp_path: Path) -> None:
    average = tiny(seed=1).state_dict()
    released = read_released(published(tmp_path, lambda stored: {"model": stored, "model_avg": average}))
    assert released.averaged is not None
    assert same(released.averaged, average)
    assert torch.equal(answer(released.denoiser()), answer(tiny()))


@pytest.mark.parametrize("averaged", [False, True])
def test_what_is_read_is_written_back_byte_for_byte(tmp_path: Path, averaged: bool) -> None:
    average = tiny(seed=1).state_dict()
    first = read_released(
        published(tmp_path / "a", (lambda stored: {"model": stored, "model_avg": average}) if averaged else None)
    )
    path = write_released(tmp_path / "b", first)
    assert path == tmp_path / "b" / "model000012000.pt"
    stored = torch.load(path, weights_only=True)
    assert set(stored) == ({"model", "model_avg"} if averaged else set(first.weights))
    second = read_released(path)
    assert same(second.weights, first.weights)
    assert (second.averaged is None) is not averaged
    assert second.averaged is None or same(second.averaged, average)
    assert (second.arguments, second.step) == (first.arguments, first.step)
    assert torch.equal(second.statistics.mean, first.statistics.mean)
    assert torch.equal(second.statistics.std, first.statistics.std)
    assert sorted(file.name for file in path.parent.iterdir()) == ["args.json", "mean.npy", path.name, "std.npy"]


def test_ours_goes_out_and_comes_back(tmp_path: Path) -> None:
    denoiser = tiny(text=6, heads=2, feedforward=24)
    arguments = arguments_of(denoiser, dropped=0.2, prediction="epsilon", averaged=False)
    with pytest.warns(UserWarning, match=r"heads 2 for 4, feedforward 24 for 1024, text 6 for 512"):
        path = write_released(tmp_path, Released(denoiser.state_dict(), None, arguments, statistics(), None))
    assert path.name == "model000000000.pt"
    back = read_released(path)
    assert (back.prediction, back.dropped) == ("epsilon", 0.2)
    assert back.denoiser().sizes == denoiser.sizes
    assert torch.equal(answer(back.denoiser()), answer(denoiser))


def test_arguments_are_those_that_the_published_code_asks_for() -> None:
    with torch.device("meta"):
        found = arguments_of(Denoiser(), dropped=0.1, prediction="sample", averaged=True)
    expected = ARGUMENTS | {"latent_dim": 512, "layers": 8, "use_ema": True}
    del expected["batch_size"]
    assert expected.items() <= found.items()


def test_the_published_size_is_written_without_a_warning(tmp_path: Path) -> None:
    denoiser = tiny()
    arguments = arguments_of(denoiser, dropped=0.1, prediction="sample", averaged=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_released(tmp_path, Released(denoiser.state_dict(), None, arguments, statistics(), 7))
    assert (tmp_path / "model000000007.pt").is_file()


def test_clips_weights_are_left_out_and_said(tmp_path: Path) -> None:
    clip = {"clip_model.logit_scale": torch.ones(()), "clip_model.ln_final.weight": torch.ones(4)}
    path = published(tmp_path, lambda stored: stored | clip)
    with pytest.warns(UserWarning, match=re.escape(f"{path}: 2 weights of CLIP (clip_model.*) are left out")):
        released = read_released(path)
    assert same(released.weights, tiny().state_dict())


def refused(path: Path, **how: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_released(path, **how)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_unknown_and_missing_weights_are_all_named(tmp_path: Path) -> None:
    def change(stored: dict[str, Any]) -> None:
        for name in ("embed_text.bias", "seqTransEncoder.layers.1.norm2.weight"):
            del stored[name]
        stored["input_process.velEmbedding.weight"] = stored["extra"] = torch.ones(2)

    assert refused(path := published(tmp_path, change)) == (
        f"{path}: lacks embed_text.bias, seqTransEncoder.layers.1.norm2.weight and also holds extra, "
        "input_process.velEmbedding.weight; give a checkpoint of MDM's trans_enc with text, whole, and its own "
        "args.json"
    )


def test_a_moving_average_is_checked_as_the_weights_are(tmp_path: Path) -> None:
    def change(stored: dict[str, Any]) -> dict[str, Any]:
        return {"model": stored, "model_avg": {name: stored[name] for name in list(stored)[1:]}}

    message = refused(path := published(tmp_path, change))
    assert message.startswith(f"{path}, model_avg: lacks input_process.poseEmbedding.weight; ")


def test_other_sizes_are_one_line(tmp_path: Path) -> None:
    def change(stored: dict[str, Any]) -> None:
        stored["output_process.poseFinal.bias"] = torch.ones(52)
        stored["seqTransEncoder.layers.1.linear1.weight"] = torch.ones(8, 16)

    assert refused(path := published(tmp_path, change)) == (
        f"{path}: seqTransEncoder.layers.1.linear1.weight is (8, 16), expected (1024, 16), "
        "output_process.poseFinal.bias is (52,), expected (61,); motions of 61 numbers a frame are expected"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 512}, "its args.json names latent_dim 512, the weights of 16; give"),
        ({"layers": 8, "latent_dim": "x"}, "names latent_dim 'x', the weights of 16 and layers 8, the weights of 2"),
        ({"arch": "trans_dec"}, 'names arch "trans_dec", expected arch "trans_enc"; give'),
        ({"diffusion_steps": 50, "cond_mode": "action"}, 'names diffusion_steps 50, cond_mode "action", expected'),
        ({"kfzoo": {"heads": 0}}, "args.json: has no sense in its kfzoo or cond_mask_prob; copy it again"),
        ({"kfzoo": {"heads": 3}}, "width: is 16; choose an even multiple of the 3 attention heads"),
        ({"cond_mask_prob": "often"}, "args.json: has no sense in its kfzoo or cond_mask_prob; copy it again"),
    ],
)  # fmt: skip
def test_arguments_are_checked_against_the_weights(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    assert message in refused(published(tmp_path, **arguments))


def test_statistics_are_asked_for_by_name(tmp_path: Path) -> None:
    path = published(tmp_path, with_statistics=False)
    assert refused(path) == (
        f"{path}: does not hold the mean and std of its motions, and there is no {tmp_path / 'mean.npy'} and "
        f"{tmp_path / 'std.npy'}; give mean and std as .npy files, or the dataset that it was trained on"
    )
    np.save(tmp_path / "Mean.npy", statistics().mean.numpy())
    assert "does not hold the std of its motions" in refused(path, mean=tmp_path / "Mean.npy")
    np.save(tmp_path / "Std.npy", statistics().std.numpy())
    released = read_released(path, mean=tmp_path / "Mean.npy", std=tmp_path / "Std.npy")
    assert torch.equal(released.statistics.std, statistics().std)
    assert torch.equal(read_released(path, statistics=statistics()).statistics.mean, statistics().mean)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("mean", np.zeros(52), "mean of the motions: is no table of 61 finite numbers; its shape is (52,)"),
        ("std", np.full(61, np.nan), "std of the motions: is no table of 61 finite numbers, none below 0; its shape"),
        ("std", np.full(61, -1.0), "std of the motions: is no table of 61 finite numbers, none below 0; its shape"),
        ("mean", np.array([{"a": 1}], dtype=object), "mean.npy: is no .npy file of numbers (Object arrays cannot be"),
        ("mean", np.array(["a"]), "mean.npy: is no .npy file of numbers (could not convert string to float"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(tmp_path: Path, name: str, values: Any, message: str) -> None:
    path = published(tmp_path)
    np.save(tmp_path / f"{name}.npy", values, allow_pickle=True)
    assert message in refused(path)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("run",)


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = published(tmp_path, lambda stored: stored | {"extra": Evil()})
    assert "is damaged or no checkpoint" in refused(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ([1, 2], "holds a list, expected weights by name"),
        ({"state": {}, "param_groups": []}, "holds other things than weights by name"),
        ({3: torch.ones(1)}, "holds other things than weights by name"),
        ({"model": {"a": 1}}, "holds other things than weights by name"),
        ({}, "lacks embed_text.bias, embed_text.weight, embed_timestep.sequence_pos_encoder.pe,"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, stored: Any, message: str) -> None:
    path = published(tmp_path, layers=8, latent_dim=512)
    torch.save(stored, path)
    assert message in refused(path)


def test_missing_and_damaged_files_are_one_line_each(tmp_path: Path) -> None:
    path = published(tmp_path)
    assert refused(tmp_path / "model.pt") == f"{tmp_path / 'model.pt'}: no such file; give the path of a model….pt"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is damaged or no checkpoint" in refused(path)
    path.write_bytes(b"")
    assert "is damaged or no checkpoint" in refused(path)
    path.write_bytes(whole)
    (tmp_path / "args.json").write_text("{")
    assert "args.json: cannot be read" in refused(path)
    (tmp_path / "args.json").write_text("[]")
    assert "args.json: is no JSON object" in refused(path)
    (tmp_path / "args.json").unlink()
    assert "args.json: no such file; copy it from where the checkpoint comes from" in refused(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    def change(stored: dict[str, Any]) -> None:
        stored["embed_text.bias"] = torch.full((16,), torch.nan)

    assert "has values that are not finite in embed_text.bias; copy it again" in refused(published(tmp_path, change))


@pytest.mark.parametrize(
    ("arguments", "masks"),
    [
        ({}, True),
        ({"mask_frames": False}, True),
        ({"dataset": "humanml"}, False),
        ({"dataset": "humanml", "mask_frames": True}, True),
    ],
)
def test_frames_are_masked_as_in_training(tmp_path: Path, arguments: dict[str, Any], masks: bool) -> None:
    """Express4D's code always masks; MDM's does where `mask_frames` says so."""
    released = read_released(published(tmp_path, **arguments))
    denoiser = released.denoiser()
    assert released.mask_frames is denoiser.mask_frames is masks
    x, mask = torch.rand(1, 4, 61), torch.tensor([[True, True, False, False]])
    inputs = torch.tensor([10]), torch.rand(1, denoiser.sizes["text"])
    other = torch.where(mask[..., None], x, x + 1)
    with torch.no_grad():
        same = torch.equal(denoiser(x, *inputs, mask)[:, :2], denoiser(other, *inputs, mask)[:, :2])
    assert same is masks
    written = arguments_of(denoiser, dropped=0.1, prediction="sample", averaged=False)
    again = Released(released.weights, None, written, released.statistics, None)
    assert again.mask_frames is masks


def test_a_mask_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    assert "args.json: its mask_frames is neither true nor false" in refused(published(tmp_path, mask_frames="no"))
