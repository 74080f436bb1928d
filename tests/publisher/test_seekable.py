from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

from publisher.seekable import Seekable

CONTENT = bytes(range(100))


class Fetched(Seekable):
    def __init__(self, *, each_thread: bool = False) -> None:
        super().__init__(len(CONTENT), each_thread=each_thread)
        self.asked: list[tuple[int, int]] = []

    def fetch(self, begin: int, length: int) -> bytes:
        self.asked.append((begin, length))
        return CONTENT[begin : begin + length]


def test_it_is_read_at_any_position_and_not_beyond_the_end() -> None:
    file = Fetched()
    assert file.read(10) == CONTENT[:10]
    assert file.seek(-10, io.SEEK_END) == 90
    assert file.read(50) == CONTENT[90:]
    assert (file.read(1), file.tell()) == (b"", 100)
    file.seek(5)
    file.seek(5, io.SEEK_CUR)
    buffer = bytearray(4)
    assert (file.readinto(buffer), bytes(buffer)) == (4, CONTENT[10:14])
    assert file.asked == [(0, 10), (90, 10), (10, 4)]


def test_the_whole_of_it_is_asked_for_once() -> None:
    file = Fetched()
    assert file.read() == CONTENT
    assert file.asked == [(0, 100)]


def test_a_buffer_over_it_goes_on_where_another_thread_stopped() -> None:
    buffered = io.BufferedReader(Fetched(), 8)
    assert buffered.read(16) == CONTENT[:16]
    with ThreadPoolExecutor(1) as other:
        assert other.submit(buffered.read, 16).result() == CONTENT[16:32]
    assert buffered.read(16) == CONTENT[32:48]


def test_threads_that_share_a_file_do_not_move_each_other() -> None:
    file = Fetched(each_thread=True)
    file.seek(50)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(file.read, 10).result() == CONTENT[:10]
    assert file.read(10) == CONTENT[50:60]
