"""Learning: windows of episodes, what is descended, trainings from beginning to end, what they save and tell."""
