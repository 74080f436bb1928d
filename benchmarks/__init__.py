"""The product measured beside what one would use instead, on the same data, in one run: `python -m benchmarks`."""
