"""Opening anew what is mapped: `/proc` has a link to each mapping's file."""
import mmap
import os

from attack import CHANGED, mapped


def mapped_file(path):
    start = mapped(mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_SHARED, os.open(path, os.O_RDONLY))
    link = f"/proc/self/map_files/{start:x}-{start + mmap.PAGESIZE:x}"
    os.write(os.open(link, os.O_WRONLY), CHANGED)
