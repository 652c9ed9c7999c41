"""What every module that `fit` trains has in common: its base class, checkpoints, schedules. It knows no model."""
