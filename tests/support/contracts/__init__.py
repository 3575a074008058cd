"""Contracts: what every variant of a family must satisfy, as functions that raise where one does not.

`tests/contracts` runs them over all variants of each family, so that a new variant is tested as soon as its config is
in the union. They need no pytest and can be called on a config of one's own.
"""
