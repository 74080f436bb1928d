"""Where the file goes: an object store, its keys, and the way from a new file to the active one.

`protocol` is what is asked of a store, `s3` the one that answers; `keys` is where things are, `hold` a person's word
that nothing is to be published, `staging` writes a file and reads it back, `conditions` finds out by which request a
store replaces an object under a condition, and `promotion` is the whole way; `trials` is what `doctor` tries. Only
here, in `lake` and in `publisher.aws` may botocore be known. May import `file`, which tells what a file's bytes are,
and below; judges nothing: the guards come as functions.
"""
