"""The hub on epoll, the hub on plain trio, and their interface."""
