"""The demonstration: sample data, a local object store, and the whole way once. See `python -m demo --help`."""
