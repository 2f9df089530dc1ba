"""Says which paths nobody may see."""
import urllib.parse


def is_hidden(path):
    names = urllib.parse.unquote(path).split("/")
    return any(name.startswith(".") for name in names)
