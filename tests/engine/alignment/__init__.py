"""Words are timed by numpy alone."""
