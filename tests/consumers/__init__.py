"""The readers in docs/consumers/, each run as a consumer runs it, against a real store."""
