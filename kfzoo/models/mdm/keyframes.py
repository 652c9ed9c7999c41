"""`KeyframeMDM`: Express4D-MDM on single keyframes, motions of one frame, as KeyframeFace compares itself with it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.statistics import Statistics
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.mdm.diffusion import Prediction
from kfzoo.models.mdm.diffusion_module import DiffusionModule
from kfzoo.models.mdm.prompts import Prompt, prompt_of
from kfzoo.models.mdm.sampling import Scheduler


class KeyframeMDM(DiffusionModule, KeyframeModule):
    """A diffusion model of faces, conditioned on a text (MDM, arXiv 2209.14916; KeyframeFace, appendix A).

    Its answers are draws from a distribution, not its mean: they are as diverse as faces are, and their squared error
    is up to twice that of a model that answers with the mean.

    The defaults are MDM's, but for the text encoder, the prompt and the way of sampling.

    Args:
        text_encoder: Specification of the frozen text encoder (`kfzoo.encoders.text`).
        text_norm: Length that text vectors are brought to; 10 is about that of CLIP's. 0 leaves each its own, as MDM.
        prompt: "target_first" or "kf_prompt" (`kfzoo.models.mdm.prompts`).
        width: Size of a token.
        layers: Transformer layers.
        heads: Attention heads.
        feedforward: Hidden size of a layer's feed-forward part.
        dropout: Dropout in the transformer.
        prediction: "sample", what is predicted is the motion, as in MDM's code; "epsilon", the noise in it, as
            KeyframeFace says.
        text_dropout: How often the text is left out in training, so that there is something to guide from.
        guidance: How far past the prediction without text samples go (`kfzoo.models.mdm.sampling`): 2.5 in MDM. It
            exaggerates what the text says, and single keyframes with it; 1 takes the text as it is, in half the time,
            and stays nearest to the distribution of faces.
        scheduler: "ddpm", "ddim" or "dpm_solver".
        steps: Calls of the denoiser a sample; "ddpm" as published takes 1000.
        ema: Decay of the moving average of the weights, which answers in their place; 0.9999 in MDM, 0 keeps none.
        learning_rate: AdamW's, without weight decay; 0 leaves a released checkpoint as it is.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine until the last step.
        seed: Of the draws: in training, and of each sample together with its name.
        released: Path of a checkpoint in MDM's form, `model….pt`, to begin at; see
            `kfzoo.models.mdm.published_checkpoint`. It determines width, layers, heads, feedforward, prediction,
            text_dropout and text_norm. With `ema` its moving average goes on; without, its average is what is trained
            further.
        released_mean: What its motions are standardised by, a .npy file; empty for `mean.npy` next to it, `data` for
            the training part's.
        released_std: Likewise.

    Raises:
        InputError: For settings that cannot be used, such as guidance where no text is left out in training.
    """

    def __init__(
        self,
        text_encoder: str = "minilm",
        text_norm: float = 10.0,
        prompt: Prompt = "target_first",
        width: int = 512,
        layers: int = 8,
        heads: int = 4,
        feedforward: int = 1024,
        dropout: float = 0.1,
        prediction: Prediction = "sample",
        text_dropout: float = 0.1,
        guidance: float = 2.5,
        scheduler: Scheduler = "dpm_solver",
        steps: int = 10,
        ema: float = 0.0,
        learning_rate: float = 1e-4,
        warmup_steps: int = 0,
        cosine: bool = False,
        seed: int = 0,
        released: str = "",
        released_mean: str = "",
        released_std: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.build()

    @property
    def context(self) -> frozenset[str]:
        """Its own prompt names the script's emotion; the published one names none."""
        return frozenset({"emotion"} if self.hparams["prompt"] == "target_first" else ())

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Takes the moments to standardise by, and encodes all training prompts, once."""
        self.set_statistics(statistics)
        self.read_ahead(self.prompts(samples))

    def prompts(self, samples: Sequence[Sample]) -> list[str]:
        """Writes the prompts of keyframes.

        Raises:
            InputError: For a keyframe without a description.
        """
        return [prompt_of(sample, self.hparams["prompt"]) for sample in samples]

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns MDM's denoising loss of the keyframes as motions of one frame."""
        motion = batch.targets[:, None]
        return {"loss": self.motion_loss(motion, self.prompts(batch.samples), batch.ids)}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Draws a face for each keyframe; which one depends on `seed` and the keyframe's name."""
        faces = self.motions(self.prompts(batch.samples), [1] * len(batch), self.seeds_of(batch.ids))
        return Generation.of(faces[:, 0])
