"""The display."""

from demo.board import Board


def plain() -> tuple[Board, list[str]]:
    written: list[str] = []
    return Board(live=False, write=written.append), written


def test_plain_lines_tell_changes_of_state() -> None:
    """Without a terminal a line is written when the first word changes, not for every number that moves."""
    board, written = plain()
    for status in ("STARTING", "BEHIND 500 blocks", "BEHIND 400 blocks", "READY block 900"):
        board.set("indexer", status)
        board.draw()
    assert [line.split()[1] for line in written] == ["STARTING", "BEHIND", "READY"]


def test_live_lines_are_drawn_over() -> None:
    """On a terminal the block of lines is redrawn where it stood."""
    written: list[str] = []
    board = Board(live=True, write=written.append)
    board.set("indexer", "READY block 1")
    board.set("oracle", "READY")
    board.draw()
    board.draw()
    assert "\x1b[2A\x1b[J" in written


def test_message_stays_above_the_lines() -> None:
    """A message is written once and the lines follow it."""
    written: list[str] = []
    board = Board(live=True, write=written.append)
    board.set("indexer", "READY")
    board.draw()
    board.say("indexer ended; starting it again")
    board.draw()
    assert sum("starting it again" in text for text in written) == 1
    assert "indexer" in written[-1]
