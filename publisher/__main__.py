"""`python -m publisher` is `publisher`."""

from publisher.cli import main

if __name__ == "__main__":
    main()
