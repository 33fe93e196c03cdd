"""init, plan, apply, reset: each a tuple of phases or steps that fits on one screen."""
