"""Who and what the simulated bus talks about: people, robots, packages, text to fill bodies with.

Every name is a pure function of a number, so that it is the same in every process. The people are
made up: an initial and a surname, nobody's account.
"""

from __future__ import annotations

from functools import cache

__all__ = [
    "BRANCHES",
    "HOSTILE",
    "PACKAGES",
    "PERSONS",
    "ROBOTS",
    "filler",
    "package_names",
    "person",
    "visitor",
]

#: Accounts of machines; all are on hubbub's default list of bots.
ROBOTS = (
    "koschei",
    "packit",
    "bodhi",
    "releng",
    "zuul",
    "pagure",
    "upstream-release-monitoring",
    "packagerbot",
    "taskotron",
    "abrt-bot",
)
BRANCHES = ("rawhide", "f44", "f43", "f42", "epel10", "epel9", "epel8", "main")

#: User names that somebody made up to see what breaks. All are well-formed messages.
HOSTILE = (
    "<script>alert(1)</script>",
    "robert'); DROP TABLE events;--",
    "=HYPERLINK(A1)",
    "[bold red]loud[/]",
    "../../../etc/passwd",
    "right\u202eot\u202cleft",
    "line\nbreak\ttab",
    "a" * 300,
    "&amp;<b>bold</b>&#x41;",
    "\u0130stanbul \u00df \U0001f600",
)

_SURNAMES = (
    "adams akhtar almeida andersen baker banerjee barros becker bianchi blanc bogdan brandt brown "
    "carlsen castro chandra chen clarke costa cruz dahl das deluca diaz dubois duran eriksen evans "
    "falk farkas ferrari fischer flores fontaine fuchs garcia gomez graf gupta haas hahn hansen "
    "haruki hayashi hoang horvat hughes ibrahim ito ivanov jansen johansen joshi kaur keller kim "
    "kovac kowalski kraus kumar lang larsen lehmann leroy lima lindqvist lopez maier marino martin "
    "mehta meyer miller molnar moreau mori muller nagy nakamura nguyen novak oliveira olsen ortiz "
    "park patel pereira petrov popov rao richter rossi sato schmid silva singh suzuki tanaka"
).split()
#: Surname and initial: how many people have a name of their own without a number.
PERSONS = 26 * len(_SURNAMES)

#: How many packages there are (design, "Traffic model").
PACKAGES = 20_000
_KNOWN = (
    "kernel systemd glibc firefox python3.14 gcc mesa gnome-shell podman dnf5 anaconda rust llvm "
    "golang perl openssl curl bash qemu libvirt flatpak grub2 selinux-policy NetworkManager vim "
    "emacs git cups pipewire wine texlive-base java-21-openjdk nodejs22 postgresql php httpd nginx "
    "ansible cockpit toolbox mutter gtk4 qt6-qtbase plasma-workspace blender gimp libreoffice"
).split()
_FAMILIES = (
    "python- rust- perl- golang-github- lib nodejs- php- ghc- R- rubygem- texlive- gnome- mingw- "
    "ocaml- erlang- fonts- java- kf6- xorg-x11-"
).split()
_ONSETS = "ba ce do fa gi ho ja ke lu ma ne po qui ra se ti vo wa xe yu za bri clo dra".split()
_MIDDLES = "l r n m s t k d v x".split()
_CODAS = "a ex io on up it us er ly ix ar em".split()

_WORDS = (
    "update to the new upstream release and rebuild for the changed library fix a crash when the "
    "network is down drop a patch that was merged add tests enable hardening raise the limit "
    "translate strings clean the spec file move documentation into its own package work around a "
    "compiler warning resolve the review comments thanks to everybody who tested this build"
).split()
_FILL = 200_000


def person(number: int) -> str:
    """A name without digits; different for every number below `PERSONS`."""
    number = number * 1237 % PERSONS  # prime to PERSONS: a walk through all of them
    return "abcdefghijklmnopqrstuvwxyz"[number % 26] + _SURNAMES[number // 26]


def visitor(number: int) -> str:
    """A name that ends in a number; different for every number."""
    return f"{person(number % PERSONS)}{number // PERSONS + 10}"


@cache
def package_names(seed: int) -> tuple[str, ...]:
    """`PACKAGES` different names, the busiest first: well-known ones, then made-up ones."""
    stems = [
        f"{onset}{middle}{onset2}{coda}"
        for coda in _CODAS
        for onset in _ONSETS
        for middle in _MIDDLES
        for onset2 in _ONSETS[:: 1 + len(coda)]
    ]
    step = 7919  # prime, and prime to the number of stems: neighbours in rank differ in name
    names = list(_KNOWN)
    for k in range(PACKAGES - len(_KNOWN)):
        stem = stems[(k * step + seed * 101) % len(stems)]
        family = (k * 31 + k // len(stems)) % (len(_FAMILIES) + 6)
        names.append(_FAMILIES[family] + stem if family < len(_FAMILIES) else stem)
    return tuple(names)


@cache
def _filler() -> str:
    parts, size, state = [], 0, 1
    while size < _FILL:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        word = _WORDS[(state >> 33) % len(_WORDS)]
        parts.append(word)
        size += len(word) + 1
    return " ".join(parts)


def filler(size: int, number: int) -> str:
    """Plain words, exactly `size` ASCII characters that JSON need not escape (at most 100,000)."""
    start = number % (_FILL - 100_000)
    return _filler()[start : start + size]
