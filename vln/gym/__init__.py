"""The Gymnasium side: worlds as single and vector environments, and other projects' environments as worlds."""
