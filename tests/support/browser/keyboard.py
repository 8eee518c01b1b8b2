"""Walk through a page by keyboard alone, and look at it as people with weak sight do."""

from __future__ import annotations

from typing import Any

from tests.support.browser.devtools import Browser

__all__ = ["Keyboard", "evaluate", "faults"]

#: What the focused element is, and whether one sees that it has the focus.
_FOCUS = """(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  window.seen = window.seen || [];
  const before = window.seen.at(-1);
  const later = !before || before === e ||
    !!(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.seen.push(e);
  return {
    tag: e.tagName.toLowerCase(), id: e.id, name: e.name || '', later,
    text: (e.textContent || '').trim().slice(0, 80), href: e.getAttribute('href') || '',
    visible: box.width > 0 && box.height > 0 && box.right > 0,
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
  };
})()"""
#: Text of too little contrast (WCAG AA), text cut off by the window, controls without a name.
_FAULTS = """(() => {
  const found = [];
  const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const back = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e);
    if (!walker.currentNode.data.trim() || !e.getClientRects().length) continue;
    if (['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName)) continue;
    const [a, b] = [light(rgb(style.color).slice(0, 3)), light(back(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(1)}: ${e.textContent}`);
  }
  for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea'))
    if (!e.labels.length && !e.ariaLabel) found.push('no label: ' + e.name);
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push(`wider than the window: ${page.scrollWidth}`);
  return found;
})()"""
_CODES = {
    "Tab": 9, "Enter": 13, " ": 32, "PageUp": 33, "End": 35, "ArrowRight": 39, "ArrowDown": 40,
    ".": 190,
}  # fmt: skip


def evaluate(chromium: Browser, expression: str) -> Any:
    """Return the value of an expression in the page."""
    result = chromium.send("Runtime.evaluate", expression=expression, returnByValue=True)
    assert "exceptionDetails" not in result, result
    return result["result"].get("value")


def faults(chromium: Browser) -> list[str]:
    """Return what people with weak sight or a small screen cannot read or use."""
    found: list[str] = evaluate(chromium, _FAULTS)
    return found


class Keyboard:
    """Presses keys, and remembers what had the focus."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium

    def press(self, key: str, *, modifiers: int = 0) -> None:
        """Press and release a key."""
        code = {"key": key, "windowsVirtualKeyCode": _CODES[key], "modifiers": modifiers}
        text = {"Enter": "\r", " ": " ", ".": "."}.get(key)
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.chromium.send("Input.dispatchKeyEvent", **down, **code)
        self.chromium.send("Input.dispatchKeyEvent", type="keyUp", **code)

    def follow(self) -> None:
        """Press Enter, and wait for the page that it leads to."""
        self.chromium.events.clear()
        self.press("Enter")
        while "Page.loadEventFired" not in self.chromium.methods():
            self.chromium.events.append(self.chromium.message())

    def type(self, text: str) -> None:
        """Type a text into the focused field."""
        self.chromium.send("Input.insertText", text=text)

    def tab(self) -> dict[str, Any]:
        """Go on to the next element; return it.

        It lies further down the page, is on the screen, and one sees that it has the focus.
        """
        self.press("Tab")
        focused: dict[str, Any] | None = evaluate(self.chromium, _FOCUS)
        assert focused is not None, "the focus left the page"
        assert focused["visible"], focused
        assert focused["outlined"], focused
        assert focused["later"], focused
        return focused

    def tab_to(self, **wanted: str) -> dict[str, Any]:
        """Go on until an element has these facts (`tag`, `id`, `name`, `text`, `href`)."""
        for _ in range(200):
            focused = self.tab()
            if all(focused[key] == value for key, value in wanted.items()):
                return focused
        raise AssertionError(f"the keyboard does not reach {wanted}")
