"""A portrait drawn in two dimensions, without any asset."""
