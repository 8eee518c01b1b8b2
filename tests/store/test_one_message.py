"""A store with one message: what counts one thing has a singular."""

from pathlib import Path

from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.stores.filling import MakeFrame, put


def test_commands_count_one_thing(hubbub: Run, tmp_path: Path, frame: MakeFrame) -> None:
    store = tmp_path / "store"
    with Store.open(store) as filled:
        put(filled, frame(0))
    (tmp_path / "mirror").mkdir()
    said = {
        "status": "waiting       1 message in 1 segment\n",
        f"export -o {tmp_path}/events.jsonl": "1 event in ",
        f"mirror file://{tmp_path}/mirror/m --once": "1 event is new to the mirror, 0 were known\n",
        "query users --format html": ", 1 event, coverage",
        "explain users --row user=alice --column messages": ", counted from 1 event: ",
    }
    for command, words in said.items():
        result = hubbub(*command.split(), "--store", store)
        assert words in result.out + result.err, command
