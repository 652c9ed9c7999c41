"""The commands other than the Trainer's, one module each; heavy imports wait until a command runs."""
