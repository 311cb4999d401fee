"""Learning: rollouts, losses, rules, trainings from beginning to end, and what they save and log."""
