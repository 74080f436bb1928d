"""The file that is written: ids as blocks of lines, gzip with its digests, and what the bytes of such a file are.

Knows neither where the ids come from nor where the file goes. `blocks` turns Arrow arrays into lines, `encoding` writes
them, `decompressing` and `inspecting` read them back and compare, `changes` compares two lists of ids, `searching`
looks for one id in a file, `lookalikes` finds ids that are documents. May import values, errors and threads.
"""
