"""Publish numbered messages of several schemas with the real fedora-messaging.

usage: people.py FIRST LAST, with FEDORA_MESSAGING_CONF; prints "published" at the end.
Message n is by user-N with N = n modulo 50, in one of three families by n modulo 3.
"""

import sys

from fedora_messaging import api
from fedora_messaging.message import get_class

WIKI = get_class("wiki.article.edit.v1")
KOJI = get_class("koji_fedoramessaging.build.BuildStateChangeV1")
BADGE = get_class("badges.badge.award.v1")


def message(n):
    user = f"user-{n % 50}"
    if n % 3 == 0:
        body = dict(title=f"Page {n}", summary="s", minor_edit=False, user=user, url="https://e/",
                    diff_url="https://e/d", page_url="https://e/p", revision={})
        return WIKI(topic="org.fedoraproject.dev.wiki.article.edit", body=body)
    if n % 3 == 1:
        body = dict(name=f"package-{n % 7}", version="6.1", release="1.fc41", epoch=None, attribute="state",
                    old=0, new=1, build_id=n, task_id=1, task=None, request=None, owner=user, instance="primary",
                    creation_time="2024-01-01T00:00:00+00:00", completion_time=None)
        return KOJI(topic="org.fedoraproject.dev.buildsys.build.state.change", body=body)
    body = dict(user=dict(username=user, badges_user_id=n),
                badge=dict(badge_id="b", description="d", image_url="i", name=f"Badge {n}"))
    return BADGE(topic="org.fedoraproject.dev.badges.badge.award", body=body)


for n in range(int(sys.argv[1]), int(sys.argv[2])):
    api.publish(message(n))
print("published", flush=True)
