"""Somebody outside who runs what is dropped into a folder: cron, at, a unit's watcher, a file manager."""
import os
import threading
import time


def watcher(folder):
    def watch():
        while True:
            for name in os.listdir(folder):
                path = f"{folder}/{name}"
                with open(path, encoding="ascii") as job:
                    words = job.read().split()
                if words:
                    os.spawnvp(os.P_WAIT, words[0], words)
                    os.unlink(path)
            time.sleep(0.01)

    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    threading.Thread(target=watch, daemon=True).start()
    return folder, lambda: ""


def drop(folder, *words):
    spare = f"{folder}/job"
    with open(spare, "x", encoding="ascii") as job:
        job.write(" ".join(words))
    while os.path.exists(spare):
        time.sleep(0.01)
