"""What `publisher prune` removes for good: files and records by their age, or files by the ids that they hold.

`age` keeps what a rollback needs; `holding` keeps nothing that holds one of the ids, and leaves proof; `holders` finds
those, in every version. Here lives nothing that publishes or decides what is published. It may import the records, the
store, the file and the guards, and none of the other flows.
"""
