"""The Gymnasium side: every world as single and vector environment, and environments of others as worlds."""
