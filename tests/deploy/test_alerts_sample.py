"""deploy/alerts.toml is a configuration whose rules and channels are valid."""

import tomllib

from hubbub.config import load
from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.service import public_address
from hubbub.live.alerts.rules import read_rules
from tests.support.paths import ROOT

SAMPLE = ROOT / "deploy" / "alerts.toml"


def test_the_sample_is_valid() -> None:
    config = load(SAMPLE)
    rules = read_rules(config.alerts)
    assert len(rules) == len(tomllib.loads(SAMPLE.read_text())["alerts"]) == 4
    channels = {Channel(name, "").name for name in config.notify}
    assert {name for rule in rules for name in rule.notify} == channels
    assert public_address(config) == "https://stats.example.org/hubbub"
