"""HTML of the live page: its figures, controls and panels, which scripts fill."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CONTROLS", "FIGURES", "MINUTES", "PANELS"]

CONTROLS = (
    '<p class="controls"><button type="button" id="pause" aria-pressed="false" '
    'aria-keyshortcuts="Space">Pause</button>'
    '<button type="button" id="screen">Full screen</button></p>'
)
#: The figures of the header: identifier, name, and what it means.
_FIGURES = (
    ("total", "Messages", "since this page began to watch; in a replay since its start"),
    ("rate-now", "Now", "messages per second, in the last full second"),
    ("rate-10", "10 s", "messages per second, over 10 seconds"),
    ("rate-60", "60 s", "messages per second, over 60 seconds"),
    ("delay", "Delay (95 %)", "of 95 % of messages, from publishing to the lamp"),
    ("coverage", "Last 24 h", "what is known of messages that were missed"),
    ("receiving", "Listener", "when it last recorded that it receives"),
)
_MEASURED = (
    ("delay-median", "from publishing to the lamp, median"),
    ("delay-inbound", "from publishing to the listener, 95 %"),
    ("delay-onward", "from the listener to the lamp, 95 %"),
    ("delay-samples", "messages measured"),
    ("clock-offset", "clock of this device against the server's"),
)
FIGURES = (
    '<p class="state"><span id="state" role="status">connecting …</span></p>\n'
    '<dl class="figures">'
    + "".join(
        f'<div id="{name}-figure"><dt title="{about}">{text}</dt><dd id="{name}">-</dd></div>'
        for name, text, about in _FIGURES
    )
    + '</dl>\n<details class="measured"><summary>What the figures mean</summary><dl>'
    + "".join(f"<dt>{text}</dt><dd>{about}</dd>" for _, text, about in _FIGURES)
    + "</dl><h2>How the delay is measured</h2><dl>"
    + "".join(f'<dt>{text}</dt><dd id="{name}">-</dd>' for name, text in _MEASURED)
    + '</dl><p id="delay-note">The delay ends when the lamp is lit on this page. It needs the '
    "clocks of publisher, listener and this device; the page asks the server for its time, and "
    "corrects for the difference to this device.</p></details>"
)
_EMPTY = '<p class="empty">No messages yet.</p>'
_LIGHTS = f"""<section class="panel" id="lights-panel" aria-labelledby="lights">
<h2 id="lights">Lights <small>one for each kind of message</small></h2>
<ul id="lights-list" aria-labelledby="lights"></ul>{_EMPTY}
</section>"""
_BARS = f"""<section class="panel" id="bars-panel" aria-labelledby="bars">
<h2 id="bars">Messages <small id="bars-window">of the last 60 seconds</small></h2>
<ul id="bars-list" tabindex="0" aria-labelledby="bars"></ul>{_EMPTY}
</section>"""
_GRAPH = f"""<section class="panel wide" id="graph-panel" aria-labelledby="graph">
<h2 id="graph">Bus graph <small>who touches what</small></h2>
<canvas id="graph-canvas" role="img" aria-label="Graph of people, kinds of messages and objects; \
the last events are in the table below"></canvas>{_EMPTY}
<p class="legend"><span><i class="u"></i>people</span><span><i class="o"></i>objects</span>\
<span><i class="t"></i>kinds of messages</span></p>
<details id="latest"><summary>Last events as a table</summary>
<div class="scroll"><table><thead><tr><th scope="col">time</th><th scope="col">kind</th>\
<th scope="col">who</th><th scope="col">objects</th></tr></thead>
<tbody id="latest-rows"></tbody></table></div></details>
</section>"""
_ALERTS = """<section class="panel wide" id="alerts-panel" aria-labelledby="alerts">
<h2 id="alerts">Alerts <small id="alerts-now"></small></h2>
<ul id="alerts-list" aria-labelledby="alerts"></ul>
<p class="said" id="alerts-said" role="status" aria-live="polite"></p>
<p class="links"><a id="alerts-all" href="alerts">Rules, history and silences</a></p>
</section>"""
#: Only in a replay.
MINUTES = """<section class="panel wide" id="minutes-panel" aria-labelledby="minutes">
<details id="minutes-details"><summary id="minutes">Minute by minute, as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-labelledby="minutes"><table><thead><tr>\
<th scope="col">minute</th><th scope="col" class="n">messages</th>\
<th scope="col">most of them</th></tr></thead><tbody id="minutes-rows"></tbody></table></div>
</details>
</section>"""
#: HTML of each panel by the name that its own address has; that of alerts is on the page only where
#: alert rules are configured.
PANELS: Mapping[str, str] = {"lights": _LIGHTS, "bars": _BARS, "graph": _GRAPH, "alerts": _ALERTS}
