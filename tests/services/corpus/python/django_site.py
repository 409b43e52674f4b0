# SPDX-License-Identifier: BSD-2-Clause
"""A Django of one page and one cache, for the cases that differ in a setting."""
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

import served


def application(view, module, **more):
    """The WSGI application whose page is view and whose cache is django-redis; `more` are further settings."""
    settings.configure(SECRET_KEY="corpus", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=module, MIDDLEWARE=[], CACHES={
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": served.REDIS_URL}}, **more)
    django.setup()
    return get_wsgi_application(), [path("", view)]
