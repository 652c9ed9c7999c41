"""Faces from coefficients: a 2-D drawing, a 3-D mesh, and contact sheets of both."""
