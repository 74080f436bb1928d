"""What one would use instead of the product. Each is a program of its own, as somebody would write it."""
