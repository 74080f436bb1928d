"""Object stores of other makers, held to what a publish needs: `make test-stores`.

`builds` gets their programs from package registries, `products` starts them, `trial` tries them with the real publisher
and the contract's tests, `__main__` prints the matrix that docs/stores.md shows.
"""
