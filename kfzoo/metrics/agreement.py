"""State of the cross comparison and of the tables by channel: predictions and targets themselves."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kfzoo.arkit.channels import CHANNELS, indices
from kfzoo.metrics.functional._checks import paired_rows
from kfzoo.metrics.functional.agreement import (
    ChannelAgreement,
    channel_agreement,
    cross_comparison,
    select_channels,
)
from kfzoo.metrics.state import RowMetric


class _Agreement(RowMetric):
    """Keeps predictions and targets.

    Args:
        threshold: From which value a blendshape counts as on.
    """

    is_differentiable = False
    # Correlations and accuracy are better high, differences low.
    higher_is_better = None

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.add_rows("predictions", len(CHANNELS))
        self.add_rows("targets", len(CHANNELS))

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, 61).
            targets: (B, 61).

        Raises:
            ValueError: For shapes that do not fit, no samples, or values that are not finite.
        """
        predictions, targets = paired_rows(predictions, targets)
        self.append("predictions", predictions)
        self.append("targets", targets)

    def agreement(self) -> ChannelAgreement:
        """Returns the agreement of all 61 channels."""
        return channel_agreement(self.rows("predictions"), self.rows("targets"), threshold=self.threshold)


class PerCoefficient(_Agreement):
    """Agreement of every channel: SemanticFace's tables 6 and 7, whose MSE is the `msd` here.

    Formulas, units and sources: `kfzoo.metrics.functional.agreement`.

    Args:
        threshold: From which value a blendshape counts as on.
    """

    def compute(self) -> dict[str, Tensor]:
        """Returns `pearson`, `spearman`, `accuracy`, `msd` and `deviation`, each (61,).

        Raises:
            ValueError: When there was no sample.
        """
        return self.agreement()._asdict()


class HeadPose(_Agreement):
    """Agreement of the head's yaw, pitch and roll: SemanticFace's table 5.

    Formulas, units and sources: `kfzoo.metrics.functional.agreement`.

    Args:
        threshold: From which value an angle counts as on.
    """

    def compute(self) -> dict[str, Tensor]:
        """Returns `pearson`, `spearman`, `accuracy`, `msd` and `deviation`, each (3,): yaw, pitch, roll.

        Raises:
            ValueError: When there was no sample.
        """
        return select_channels(self.agreement(), indices("head").tolist())._asdict()


class CrossComparison(_Agreement):
    """Means of the agreement over some channels: SemanticFace's table 1.

    Formulas, units and sources: `kfzoo.metrics.functional.agreement`.

    Args:
        channels: A subset or region of `kfzoo.arkit.channels`: `sf13` is what the paper says, `sf14` what its numbers
            are, `all61` everything.
        threshold: From which value a blendshape counts as on.

    Raises:
        InputError: For an unknown subset.
    """

    def __init__(self, channels: str = "sf13", threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(threshold, **kwargs)
        self.channels: list[int] = indices(channels).tolist()

    def compute(self) -> dict[str, Tensor]:
        """Returns `pearson`, `spearman`, `accuracy`, `msd`, `deviation` and `skipped`, scalars.

        Raises:
            ValueError: When there was no sample.
        """
        return cross_comparison(self.agreement(), self.channels)._asdict()
