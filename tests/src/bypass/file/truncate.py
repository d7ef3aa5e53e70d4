"""Truncating by descriptor."""
import os

from attack import held
from uring import FTRUNCATE, Ring, entry


def by_descriptor(path):
    os.ftruncate(held(path), 1)


def by_ring(path):
    Ring().do(entry(FTRUNCATE, held(path), offset=1))
