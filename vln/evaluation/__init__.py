"""Evaluation: agents live the episodes of a split; what became of them, as tables and replays."""
