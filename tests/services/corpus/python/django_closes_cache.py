# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: DJANGO_REDIS_CLOSE_CONNECTION closes the pool at the end of each request."""
from django.core.cache import cache
from django.http import HttpResponse

import django_site


def view(request):
    cache.set("page", cache.get("page", 0) + 1)
    return HttpResponse(str(cache.get("page")))


app, urlpatterns = django_site.application(view, __name__, DJANGO_REDIS_CLOSE_CONNECTION=True)
