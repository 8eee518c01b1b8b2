"""gather_progress.py URL STORE START END JOBS: gather; print the rows received after each batch."""

import sys
from datetime import UTC, datetime

from hubbub.collector.history.client import History
from hubbub.collector.history.gather import gather
from hubbub.store import Store


def report(_done: int, _total: int, rows: int) -> None:
    sys.stdout.write(f"{rows}\n")
    sys.stdout.flush()


def main(url: str, folder: str, first: str, last: str, jobs: str) -> None:
    start, end = (datetime.fromtimestamp(float(text), UTC) for text in (first, last))
    with Store.open(folder) as store, store.spool("gather") as sink:
        gather(
            History(url), sink, store.state, start=start, end=end, jobs=int(jobs), progress=report
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
