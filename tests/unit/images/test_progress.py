"""Lines about long jobs: at the start, every ten seconds, at the end."""

from cloudlab.images.progress import Progress


def test_lines_come_at_the_start_every_ten_seconds_and_at_the_end():
    now, lines = [0.0], []
    progress = Progress(lines.append, clock=lambda: now[0])
    progress.start("postgres", "begins")
    for second in range(25):
        now[0] = second
        progress.update("postgres", f"step {second // 5}/7")
        progress.tick()
    progress.finish("postgres", "done")
    progress.tick()
    assert lines == [
        "images: postgres  begins",
        "images: postgres  step 2/7  10 s",
        "images: postgres  step 4/7  20 s",
        "images: postgres  done  24 s",
    ]
