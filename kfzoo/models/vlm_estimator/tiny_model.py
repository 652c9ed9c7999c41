"""`tiny`: a Qwen3-VL of about a million parameters and a tokenizer for its answers, trained from scratch.

The tokenizer needs no file. A value with its comma, a channel's name, a heading and a word of the rule's analyses is
one token each; any other text is encoded in bytes. So an answer of A0 has 63 tokens, of A1 124, and an analysis about
as many as words and punctuation marks. The vocabulary is determined by the decimals and the words, which the checkpoint
holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kfzoo.annotation.analysis import HEADINGS, REGIONS
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.models.vlm_estimator.answer import layout

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

END, PAD = "<|im_end|>", "<|endoftext|>"
IMAGE = "<|image_pad|>"
OPENED, CLOSED = "<|vision_start|>", "<|vision_end|>"

_TEMPLATE = (
    "{% for message in messages %}{{ message.content }}"
    "{% if message.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
)
"""The messages alone, without roles: an untrained model has no use for them."""

_LINE = "  \n"
_SPLIT = (
    r'"[A-Za-z]+": '  # a channel's name
    r"|-?\d\.\d+(?:, )?"  # a value
    r"|\d\. \*\*[A-Za-z ]+\*\*:"  # a heading
    r"|   - \*\*[A-Za-z]+\*\*:"  # a region
    r"|  \n| ?[A-Za-z]+|[\s\S]"
)
_HEAD = 32
"""Size of an attention head."""

_PATCH, _MERGE = 16, 2
_LONGEST = 8192


def tiny_tokenizer(decimals: int, words: Iterable[str]) -> PreTrainedTokenizerBase:
    """Builds the tokenizer.

    Args:
        decimals: Digits of a value.
        words: In lower case; each is a token, with and without a capital letter and a space before it.

    Raises:
        InputError: For another number of decimals than 1 to 3.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    options = layout("A0", decimals).options
    values = list(dict.fromkeys(text for texts in options for text in texts))
    spelled = [
        *(f'"{name}": ' for name in CHANNELS),
        *values,
        *(f"{value}, " for value in values),
        *HEADINGS,
        *(f"   - **{region.capitalize()}**:" for region in (*REGIONS, "face")),
        _LINE,
        *(space + form for word in words for form in (word, word.capitalize()) for space in ("", " ")),
    ]
    written = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(_bytes(written, text) for text in spelled)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_SPLIT), "isolated"), written])
    backend.decoder = decoders.ByteLevel()
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[OPENED, IMAGE, CLOSED],
        chat_template=_TEMPLATE,
    )
    return tokenizer


def tiny_model(vocabulary: int, width: int, layers: int, image: int) -> PreTrainedModel:
    """Builds the model with random weights.

    Args:
        vocabulary: Number of tokens.
        width: Width of the decoder and of the vision tower.
        layers: Layers of each of the two.
        image: Number of the image token.

    Raises:
        InputError: For a width that is no multiple of 16.
    """
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    if width < 16 or width % min(width, _HEAD) or width % 8:
        raise InputError("model.width", f"is {width}, expected 16 or a multiple of {_HEAD}")
    heads = max(width // _HEAD, 1)
    half = width // heads // 2
    # Qwen's own 0.02 is for thousands of units: so narrow a model would learn the images slowly with it.
    both = {"hidden_size": width, "initializer_range": width**-0.5}
    # In proportion to Qwen3-VL's 24, 20, 20, which sum to half of a head.
    sections = [half - 2 * (half * 5 // 16), half * 5 // 16, half * 5 // 16]
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": sections, "mrope_interleaved": True}
    text: dict[str, Any] = {"vocab_size": vocabulary, "intermediate_size": 3 * width, "num_hidden_layers": layers}
    text |= {"num_attention_heads": heads, "num_key_value_heads": heads, "head_dim": 2 * half}
    text |= {"max_position_embeddings": _LONGEST, "rope_parameters": rope, "tie_word_embeddings": True, **both}
    vision: dict[str, Any] = {"depth": layers, "intermediate_size": 2 * width, "num_heads": heads}
    vision |= {"patch_size": _PATCH, "spatial_merge_size": _MERGE, "temporal_patch_size": 1}  # still images
    vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [layers // 2], "out_hidden_size": width}
    vision |= both
    config: Any = Qwen3VLConfig(text_config=text, vision_config=vision, image_token_id=image, tie_word_embeddings=True)
    model = Qwen3VLForConditionalGeneration(config)
    model.set_attn_implementation("sdpa")
    return model


def _bytes(written: Any, text: str) -> str:
    """Returns a text in the characters that represent its bytes."""
    return "".join(piece for piece, _ in written.pre_tokenize_str(text))
