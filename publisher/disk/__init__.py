"""Files on this machine that are replaced in one step, and locks that end with the process that holds them.

Knows neither what is in a file nor whose it is: `drafts` writes one beside its place and moves it there, `locks` keeps
other processes out. May import errors.
"""
