# SPDX-License-Identifier: BSD-2-Clause
"""The product and recommendation data of the "intranet" Redis: made up, the same every time, and what its keys look like."""
import random
import re

USERS = range(1, 101)
ITEMS = range(1, 301)
CATEGORIES = ("books", "games", "garden", "kitchen", "music", "sports")

# The only keys the data-sync source serves. Everything else in that Redis stays in the intranet.
KEY = re.compile(
    r"user:[0-9]{1,9}:(history|blocked)"
    r"|item:[0-9]{1,9}"
    r"|stock:[0-9]{1,9}"
    r"|category:[a-z]{1,16}:top"
)
PRIVATE_KEY = "salaries:2026"


def keys():
    """Every key that is to be synced."""
    for user in USERS:
        yield f"user:{user}:history"
        yield f"user:{user}:blocked"
    for item in ITEMS:
        yield f"item:{item}"
        yield f"stock:{item}"
    for category in CATEGORIES:
        yield f"category:{category}:top"


def fill(client):
    """Writes the data into the intranet Redis, and one key beside it that must never leave."""
    chance = random.Random(812)
    pipe = client.pipeline(transaction=False)
    for item in ITEMS:
        category = CATEGORIES[item % len(CATEGORIES)]
        title = f"{category} article {item}"
        pipe.hset(f"item:{item}", mapping={"title": title, "category": category, "price": chance.randint(100, 9999)})
        pipe.set(f"stock:{item}", chance.randint(0, 9))
        pipe.zadd(f"category:{category}:top", {str(item): round(chance.random(), 6)})
    for user in USERS:
        pipe.rpush(f"user:{user}:history", *chance.sample(ITEMS, 20))
        pipe.sadd(f"user:{user}:blocked", *chance.sample(ITEMS, 5))
    pipe.set(PRIVATE_KEY, "not for the service")
    pipe.execute()
