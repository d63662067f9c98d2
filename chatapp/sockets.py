"""The addresses of sockets, as chatapp/urls.py has those of pages."""

from __future__ import annotations

from django.urls import path

from chatapp.conversations.consumer import ChatConsumer
from chatapp.widget.consumer import WidgetConsumer

websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi()), path("ws/widget/", WidgetConsumer.as_asgi())]
