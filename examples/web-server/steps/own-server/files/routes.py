"""Paths that are answered by a function. Each gives a text."""


def health():
    return "ok\n"


def version():
    return "1.0\n"


ROUTES = {"/health": health, "/version": version}
