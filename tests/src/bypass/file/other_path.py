"""Paths that begin elsewhere."""
import os

from attack import CHANGED, overwrite


def from_within(path):
    os.chdir(os.path.dirname(path))
    overwrite(os.path.basename(path))


def from_descriptor(path):
    top = os.open(os.path.dirname(os.path.dirname(path)), os.O_PATH)
    name = os.path.join(".", os.path.basename(os.path.dirname(path)), "..", *path.split("/")[-2:])
    os.write(os.open(name, os.O_WRONLY, dir_fd=top), CHANGED)
