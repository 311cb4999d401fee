"""Encoders: one class for each kind of observation, and the observations of an agent together."""
