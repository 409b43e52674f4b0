# SPDX-License-Identifier: BSD-2-Clause
"""Ranks items for a user: pure functions, no Redis and no log, the same for both variants of the service."""

OWN_CATEGORY_BONUS = 0.25


def recent_categories(items, limit=3):
    """The categories of the items seen last, each once, newest first."""
    categories = []
    for item in items:
        category = item.get("category")
        if category and category not in categories:
            categories.append(category)
    return categories[:limit]


def candidates(tops, seen, blocked):
    """Merges the categories' best sellers into {item: score}; what was seen or blocked stays out."""
    scores = {}
    for place, top in enumerate(tops):
        bonus = OWN_CATEGORY_BONUS / (place + 1)
        for item, score in top:
            if item not in seen and item not in blocked:
                scores[item] = max(scores.get(item, 0.0), score + bonus)
    return scores


def best(scores, stock, limit=5):
    """The best items that are in stock: highest score first, then by name so that the answer is always the same."""
    offered = [item for item in scores if int(stock.get(item) or 0) > 0]
    return sorted(offered, key=lambda item: (-scores[item], item))[:limit]
