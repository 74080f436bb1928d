"""Publishes a table of ids as one file that other systems can trust."""

__version__ = "0.1.0"
