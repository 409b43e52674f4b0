# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: Django's own Redis cache under ASGI, where each request has a cache object, and so a pool, of its own."""
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.cache import cache
from django.http import HttpResponse
from django.urls import path

import served

settings.configure(SECRET_KEY="corpus", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, MIDDLEWARE=[], CACHES={
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": served.REDIS_URL}})
django.setup()


async def view(request):
    return HttpResponse(str(await cache.aget("page", 0)))


urlpatterns = [path("", view)]
app = get_asgi_application()
