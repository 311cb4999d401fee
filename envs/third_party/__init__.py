"""Environments of others, as tasks in which our agents can be trained and judged."""
