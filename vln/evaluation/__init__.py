"""Evaluation: outcomes of a split's episodes, as tables and replays."""
