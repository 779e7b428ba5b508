"""The one door: a request goes in, speech comes out."""
