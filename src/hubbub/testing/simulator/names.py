"""Names of simulated people, robots, branches and packages, and filler text.

Every name is a pure function of a number, so it is the same in every process. People's names are
fictitious: an initial and a surname.
"""

from __future__ import annotations

from functools import cache

__all__ = [
    "BRANCHES",
    "HOSTILE_USERS",
    "PACKAGES",
    "PERSONS",
    "ROBOTS",
    "filler",
    "package_names",
    "person",
    "visitor",
]

#: Accounts of machines; all are in hubbub's default list of bots.
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

#: User names chosen to break output formats; the messages that contain them are well-formed.
HOSTILE_USERS = (
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
#: Number of distinct names of an initial and a surname.
PERSONS = 26 * len(_SURNAMES)

#: Number of packages.
PACKAGES = 20_000
_WELL_KNOWN = (
    "kernel systemd glibc firefox python3.14 gcc mesa gnome-shell podman dnf5 anaconda rust llvm "
    "golang perl openssl curl bash qemu libvirt flatpak grub2 selinux-policy NetworkManager vim "
    "emacs git cups pipewire wine texlive-base java-21-openjdk nodejs22 postgresql php httpd nginx "
    "ansible cockpit toolbox mutter gtk4 qt6-qtbase plasma-workspace blender gimp libreoffice"
).split()
_PREFIXES = (
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
_FILLER_SIZE = 200_000


def person(number: int) -> str:
    """Return a name without digits, distinct for every number below `PERSONS`."""
    number = number * 1237 % PERSONS  # a permutation: 1237 and PERSONS are coprime
    return "abcdefghijklmnopqrstuvwxyz"[number % 26] + _SURNAMES[number // 26]


def visitor(number: int) -> str:
    """Return a name that ends in digits, distinct for every number."""
    return f"{person(number % PERSONS)}{number // PERSONS + 10}"


@cache
def package_names(seed: int) -> tuple[str, ...]:
    """Return `PACKAGES` distinct names, busiest first: real ones, then generated ones."""
    stems = [
        f"{onset}{middle}{onset2}{coda}"
        for coda in _CODAS
        for onset in _ONSETS
        for middle in _MIDDLES
        for onset2 in _ONSETS[:: 1 + len(coda)]
    ]
    step = 7919  # coprime to the number of stems; names of similar rank differ
    names = list(_WELL_KNOWN)
    for k in range(PACKAGES - len(_WELL_KNOWN)):
        stem = stems[(k * step + seed * 101) % len(stems)]
        prefix = (k * 31 + k // len(stems)) % (len(_PREFIXES) + 6)  # some get none
        names.append(_PREFIXES[prefix] + stem if prefix < len(_PREFIXES) else stem)
    return tuple(names)


@cache
def _filler() -> str:
    parts, size, state = [], 0, 1
    while size < _FILLER_SIZE:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        word = _WORDS[(state >> 33) % len(_WORDS)]
        parts.append(word)
        size += len(word) + 1
    return " ".join(parts)


def filler(size: int, number: int) -> str:
    """Return `size` ASCII characters (at most 100,000) of words that JSON need not escape."""
    start = number % (_FILLER_SIZE - 100_000)
    return _filler()[start : start + size]
