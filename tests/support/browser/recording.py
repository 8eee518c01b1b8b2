"""Record pictures of the live page by a clock of their own, and measure how bright they are.

The page gets a stream and a clock from here, so that what is recorded does not depend on how fast
this machine is: between two pictures the page lives for exactly 50 ms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import evaluate

__all__ = ["STEP", "Recorder", "begin", "reversals"]

STEP = 50  # ms between pictures
_CLOCK = """(() => {
  let now = 1000, id = 0, frames = [], drawn = 0;
  const timers = new Map();
  const add = (f, ms, every) => (timers.set(++id, { f, at: now + ms, every }), id);
  performance.now = () => now;
  Date.now = () => 1.79e12 + now;
  window.setTimeout = (f, ms = 0) => add(f, ms, 0);
  window.setInterval = (f, ms) => add(f, ms, ms);
  window.clearTimeout = window.clearInterval = n => timers.delete(n);
  window.requestAnimationFrame = f => frames.push(f);
  window.advance = length => {
    for (const end = now + length; now < end;) {
      now += 10;
      for (const [n, timer] of [...timers]) if (timer.at <= now) {
        if (timer.every) timer.at += timer.every; else timers.delete(n);
        timer.f();
      }
      if (now - drawn >= 16) {
        const due = frames;
        [frames, drawn] = [[], now];
        for (const f of due) f(now);
      }
      for (const a of document.getAnimations()) { a.pause(); a.currentTime += 10; }
    }
  };
})();"""
#: Messages of %(kinds)d kinds, %(rate)d a second, the same in each run.
_STREAM = """(() => {
  let seed = %(seed)d;
  const random = () => (seed = (seed * 1103515245 + 12345) %% 2147483648) / 2147483648;
  const names = Array.from({ length: %(kinds)d }, (_, i) => `kind.n${i}`);
  const weights = names.map((_, i) => 1 / (1 + i * %(slope)f));
  const total = weights.reduce((a, b) => a + b);
  const choose = () => {
    let left = random() * total;
    return Math.max(0, weights.findIndex(w => (left -= w) <= 0));
  };
  window.EventSource = class extends EventTarget {
    constructor() {
      super();
      const counts = names.map(() => 0);
      let messages = 0, owed = 0;
      const emit = (name, data) => this.dispatchEvent(
        new MessageEvent(name, { data: JSON.stringify(data) }));
      setTimeout(() => {
        emit('kinds', names.map(name => [name, { topic: name }]));
        emit('hello', { at: Date.now(), since: Date.now(), messages, counts: [...counts],
                        recent: [], version: 'x', names: true });
        setInterval(() => {
          owed += -Math.log(1 - random()) * %(rate)d / 15;  // bursts, as of a real bus
          const samples = [];
          for (; owed >= 1; owed--) {
            const kind = choose();
            counts[kind]++;
            messages++;
            if (samples.length < %(samples)d) samples.push([kind, Date.now(), Date.now(),
              `user${Math.floor(random() * 800)}`, [`rpms/p${Math.floor(random() * 20000)}`]]);
          }
          emit('message', { at: Date.now(), messages, bytes: 0, counts: [...counts], samples });
        }, 66);
      }, 10);
    }
    close() {}
  };
})();"""
_RECTANGLES = """[...document.querySelectorAll('.bulb, .panel')].sort(
  e => e.matches('.bulb') ? -1 : 1).map(e => {
  const { left, top, width, height } = e.getBoundingClientRect();
  return [left, top, width, height];
})"""
#: The relative luminance (WCAG 2.2) of each rectangle in each picture; of lamps their middle.
_MEASURE = """(async (pictures, rectangles) => {
  const linear = Array.from({ length: 256 }, (_, v) =>
    (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const rows = [];
  for (const picture of pictures) {
    const image = new Image();
    image.src = 'data:image/png;base64,' + picture;
    await image.decode();
    [canvas.width, canvas.height] = [image.width, image.height];
    context.drawImage(image, 0, 0);
    rows.push(rectangles.map(([left, top, width, height]) => {
      const part = width > 40 ? 0 : .3;  // a lamp is round
      const { data } = context.getImageData(left + width * part, top + height * part,
        Math.max(1, width * (1 - 2 * part)), Math.max(1, height * (1 - 2 * part)));
      let sum = 0;
      for (let i = 0; i < data.length; i += 4)
        sum += .2126 * linear[data[i]] + .7152 * linear[data[i + 1]] + .0722 * linear[data[i + 2]];
      return sum / (data.length / 4);
    }));
  }
  return rows;
})(%s, %s)"""


def begin(chromium: Browser, url: str, **stream: Any) -> Callable[[], None]:
    """Visit a page, with a clock that `advance(ms)` in the page moves on, and a stream.

    Args:
        chromium: the browser.
        url: of the page.
        stream: `rate`, `kinds`, `slope`, `seed`: see `Recorder.record`; `samples` of a frame.

    Returns:
        A function that leaves the page, and gives the next ones their own clock and stream.
    """
    scripts = [
        chromium.send("Page.addScriptToEvaluateOnNewDocument", source=source)
        for source in (_CLOCK, _STREAM % stream)
    ]
    chromium.visit(url)
    evaluate(chromium, "advance(1000)")

    def remove() -> None:
        for script in scripts:
            chromium.send("Page.removeScriptToEvaluateOnNewDocument", **script)
        chromium.visit("about:blank")

    return remove


class Recorder:
    """Records the panel of lights."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium

    def record(
        self, url: str, seconds: float, *, rate: int, kinds: int, slope: float = 1.0, seed: int = 1
    ) -> list[list[float]]:
        """Return the luminance of each lamp, and of the panel, 20 times a second.

        Args:
            url: of the panel.
            seconds: to record, after a second in which the page begins.
            rate: messages a second.
            kinds: of messages.
            slope: how much rarer the later kinds are; 0: all are as frequent.
            seed: of the stream.
        """
        stream = {"rate": rate, "kinds": kinds, "slope": slope, "seed": seed, "samples": 0}
        remove = begin(self.chromium, url, **stream)
        rectangles = evaluate(self.chromium, _RECTANGLES)
        pictures = []
        for _ in range(round(seconds * 1000 / STEP)):
            evaluate(self.chromium, f"advance({STEP})")
            shot = self.chromium.send("Page.captureScreenshot", optimizeForSpeed=True)
            pictures.append(shot["data"])
        remove()
        measured: dict[str, Any] = self.chromium.send(
            "Runtime.evaluate",
            expression=_MEASURE % (json.dumps(pictures), json.dumps(rectangles)),
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in measured, measured
        rows: list[list[float]] = measured["result"]["value"]
        return rows


def reversals(brightness: Sequence[float], least: float = 0.1) -> list[int]:
    """Return at which pictures the brightness begins to rise or fall by at least `least`.

    A reversal is a rise after a fall, or the other way round; smaller changes are part of neither.
    """
    found: list[int] = []
    direction, turn = 0, 0  # 1: it rises, -1: it falls; where it was highest or lowest since
    low = high = 0  # before it is known whether it rises or falls
    for n, value in enumerate(brightness):
        if direction == 0:
            low = n if value < brightness[low] else low
            high = n if value > brightness[high] else high
            if value - brightness[low] >= least:
                direction, turn = 1, n
                found.append(low)
            elif brightness[high] - value >= least:
                direction, turn = -1, n
                found.append(high)
        elif (value - brightness[turn]) * direction >= 0:
            turn = n
        elif abs(value - brightness[turn]) >= least:
            found.append(turn)
            direction, turn = -direction, n
    return found
