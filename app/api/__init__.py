"""The front ends over HTTP: a package for each kind of client."""
