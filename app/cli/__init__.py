"""The command line: its commands are read fast, what they need is imported once they run."""
