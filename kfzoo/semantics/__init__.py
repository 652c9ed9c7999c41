"""SemanticFace's stage I: coefficients into structured words (section 3.2, appendix 0.B.1)."""
