"""Makes the long-lived parts and runs them. Only this package imports every layer."""
