"""State of a paired comparison: both systems' errors, and the clusters where there are any."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import labels, paired_values
from kfzoo.metrics.functional.paired import paired_t_test, wilcoxon_test
from kfzoo.metrics.state import RowMetric


class PairedComparison(RowMetric):
    """Paired t-test with its effect size, and the Wilcoxon test, of two systems' errors.

    Formulas, units and sources: `kfzoo.metrics.functional.paired`.
    """

    is_differentiable = False
    # A negative difference favours the first system; no direction is better by itself.
    higher_is_better = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_rows("first")
        self.add_rows("second")
        self.add_rows("clusters", dtype=torch.int64)

    def update(self, first: Tensor, second: Tensor, clusters: Tensor | None = None) -> None:
        """Adds samples.

        Args:
            first: (B,) errors of one system.
            second: (B,) errors of the other on the same samples.
            clusters: (B,) integers, the same for samples that belong together, such as the frames of a clip; given
                with every batch or with none.

        Raises:
            ValueError: For shapes that do not fit, no samples, or values that are not finite.
        """
        first, second = paired_values(first, second)
        if clusters is not None:
            self.append("clusters", labels("clusters", clusters, len(first)))
        self.append("first", first)
        self.append("second", second)

    def compute(self) -> dict[str, Tensor]:
        """Returns the results, scalars.

        Returns:
            `difference`, `effect_size`, `statistic`, `degrees` and `p_value` of the t-test, clustered when clusters
            were given; `wilcoxon_statistic` and `wilcoxon_p_value`, which know no clusters.

        Raises:
            ValueError: For fewer than two samples or clusters, or when some batches came without clusters.
        """
        first, second, clusters = (self.rows(name) for name in ("first", "second", "clusters"))
        wilcoxon = wilcoxon_test(first, second)._asdict()
        return paired_t_test(first, second, clusters if len(clusters) > 0 else None)._asdict() | {
            f"wilcoxon_{name}": value for name, value in wilcoxon.items()
        }
