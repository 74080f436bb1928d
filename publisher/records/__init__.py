"""The record of every run: what it looks like, how it is written, and what is known from those that are there.

Lives here: the record, its keys, who ran, the memory of what was promoted last. Lives elsewhere: what a guard concludes
from it (`guards`), and when a record is written (the flows beside this package). May import `store`, `values` and
`errors`.
"""
