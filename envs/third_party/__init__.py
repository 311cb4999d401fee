"""Environments of other projects as tasks."""
