"""A page of faces that move: one HTML file that plays in any browser without a network."""
